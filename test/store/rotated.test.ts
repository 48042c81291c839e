import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { connectRedis as connectIoredis } from '../../functions/runtime/drivers/ioredis.ts';
import { connectRedis as connectUpstash } from '../../functions/runtime/drivers/upstash.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import type { SecretReader, StoreSecret } from '../../functions/runtime/secrets.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { startTestUpstash } from '../kit/upstash.ts';

/** A secret of which a function keeps what it has read last. */
function secretOf(first: StoreSecret) {
  let stored = first;
  let current = first;
  const reader: SecretReader & { reads: number; rotate(next: StoreSecret): void } = {
    reads: 0,
    get current() {
      return current;
    },
    readAgain: async () => {
      reader.reads += 1;
      current = stored;
      return current;
    },
    rotate: (next) => {
      stored = next;
    },
  };
  return reader;
}

async function plainStore(cluster: boolean) {
  const redis = await startTestRedis({ cluster, args: cluster ? ['--cluster-announce-ip', '127.0.0.1'] : [] });
  const admin = new Redis(redis.url);
  onTestFinished(async () => {
    admin.disconnect();
    await redis.stop();
  });
  const rotate = async (password: string) => {
    await admin.call('ACL', 'SETUSER', 'app', 'on', 'resetpass', `>${password}`, '~*', '+@all');
    await admin.call('CLIENT', 'KILL', 'USER', 'app');
  };
  await rotate('first');
  const secret = secretOf({ store: { username: 'app', password: 'first' } });
  const env = { REDIS_URL: redis.url, REDIS_CLUSTER: String(cluster), REDIS_KEY_PREFIX: '{r}:' };
  const port = connectIoredis(readEnvironment(env), secret);
  const rotateSecret = (password: string) => secret.rotate({ store: { username: 'app', password } });
  return { port, secret, rotate, rotateSecret };
}

async function upstashStore() {
  const redis = await startTestRedis();
  const upstash = await startTestUpstash({ redisUrl: redis.url });
  onTestFinished(async () => {
    await upstash.stop();
    await redis.stop();
  });
  const accessOf = (restToken: string): StoreSecret => ({ upstash: { restUrl: upstash.url, restToken } });
  upstash.rotate('first');
  const secret = secretOf(accessOf('first'));
  const port = connectUpstash(readEnvironment({ REDIS_SECRET_ARN: 'arn:x' }), secret);
  const rotateSecret = (token: string) => secret.rotate(accessOf(token));
  return { port, secret, rotate: async (token: string) => upstash.rotate(token), rotateSecret };
}

it.each([
  ['ioredis', () => plainStore(false)],
  ['ioredis in a cluster', () => plainStore(true)],
  ['Upstash', upstashStore],
] as const)('%s reads a rotated secret again within the call that the store refuses', async (_driver, open) => {
  const { port, secret, rotate, rotateSecret } = await open();
  onTestFinished(() => port.close());
  expect(await port.command('SET', '{r}:k', '1')).toBe('OK');
  rotateSecret('second');
  await rotate('second');
  // Several calls at the same time share one reading.
  expect(await Promise.all([1, 2, 3].map(() => port.command('GET', '{r}:k')))).toEqual(['1', '1', '1']);
  expect(secret.reads).toBe(1);

  // The store is ahead of the secret: refused with the reason, and well again by itself.
  await rotate('third');
  const refused = { name: 'RedisUnavailableError', reason: 'store_credentials' };
  await expect(port.command('GET', '{r}:k')).rejects.toMatchObject(refused);
  rotateSecret('third');
  await until('the new secret is in use', async () => (await port.command('GET', '{r}:k')) === '1', { everyMs: 50 });
});
