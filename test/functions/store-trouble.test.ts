import { expect, it, onTestFinished } from 'vitest';
import { startHttpApi } from '../kit/http-api.ts';
import { startTestRedis } from '../kit/redis.ts';
import { startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';
import { withPassword } from '../kit/users.ts';

const command = { command_id: 102, chat_to: 'bob', content: 'x' };

async function ownRedis() {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

it('a store whose connections stop answering without closing: 503 within 2 s, and everything works again within 5 s', async () => {
  const redis = await ownRedis();
  const proxy = await startStoreProxy(redis.port);
  onTestFinished(() => proxy.close());
  const http = await startHttpApi({ url: proxy.url });
  onTestFinished(() => http.stop());
  await http.addUser('bob');
  expect((await http.send(command)).status).toBe(200);
  proxy.swallow();
  const startedAt = performance.now();
  const { status, body } = await http.send(command);
  expect([status, body.error]).toEqual([503, 'store_unavailable']);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  await until('a command is taken again', async () => (await http.send(command)).status === 200);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

it('a connection that is cut in the middle of a reply: the call is repeated, and takes effect once', async () => {
  const redis = await ownRedis();
  const proxy = await startStoreProxy(redis.port);
  onTestFinished(() => proxy.close());
  const http = await startHttpApi({ url: proxy.url });
  onTestFinished(() => http.stop());
  await http.addUser('bob');
  await http.send(command);
  proxy.cutInReply(1);
  expect((await http.send(command)).status).toBe(200);
  await until('the other connection is back', () => http.redis.status === 'ready');
  expect(await http.redis.zcard(`${http.prefix}mailbox:bob`)).toBe(2);
});

it.each(['ioredis', 'Upstash'] as const)(
  'a full store (%s): 503 store_full for what is new, the rest goes on, and it heals',
  async (store) => {
    const redis = await ownRedis();
    const http = await startHttpApi({ url: redis.url, store });
    onTestFinished(() => http.stop());
    await http.addUser('bob');
    await http.addUser('ann', withPassword('123456'));
    await http.addUser('eve', withPassword('123456'));
    const later = await http.send({ ...command, receipt: true, not_before: Math.floor(Date.now() / 1_000) + 3_600 });
    await http.redis.config('SET', 'maxmemory', '1');
    const { status, body, headers } = await http.send(command);
    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'store_full', '1']);
    expect((await http.call('GET', '/users')).status).toBe(200);
    expect((await http.post('/login', { phone_number: 'ann', password: '123456' })).status).toBe(200);
    expect((await http.call('DELETE', '/users/bob/token')).status).toBe(200);
    expect((await http.call('DELETE', `/commands/${later.body.id}`)).body).toMatchObject({ cancelled: 1 });
    const guesses = [];
    for (let n = 0; n < 6; n += 1) guesses.push(await http.post('/login', { phone_number: 'eve', password: 'wrong' }));
    expect(guesses.map((guess) => guess.status)).toEqual([401, 401, 401, 401, 429, 429]);
    await http.redis.config('SET', 'maxmemory', '0');
    expect((await http.send(command)).status).toBe(200);
  },
);
