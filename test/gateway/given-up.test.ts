import { expect, onTestFinished, test } from 'vitest';
import { entry, gateway } from '../kit/gateway.ts';
import { startTestRedis, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

test('verifies whose clients have given up do not wait on, however many come while Redis is away', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({ AUTH_TIMEOUT_MS: '3000', MAX_VERIFIES_IN_FLIGHT: '4' }, { redisUrl: redis.url });
  const waiting = () => g.metric('fronttcp_verifies_waiting');
  await redis.kill('SIGSTOP');
  const peers = await Promise.all(Array.from({ length: 40 }, () => g.peer()));
  for (const [i, peer] of peers.entries()) peer.send(1, { phone_number: `u${i}`, token: `token of u${i}` });
  await until('more wait than are with Redis', async () => (await waiting()) > 4);
  for (const peer of peers) await peer.isClosedSilently();
  expect(await waiting()).toBeLessThanOrEqual(4);
  await redis.kill('SIGCONT');
  await until('none waits', async () => (await waiting()) === 0);
});

test('a verify that waited too long for Redis does not end the session that its user has on another gateway since', async () => {
  const prefix = uniquePrefix();
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const given = await gateway({ AUTH_TIMEOUT_MS: '500' }, { redisUrl: redis.url, prefix });
  const other = await gateway({}, { redisUrl: redis.url, prefix });
  await given.users('x');
  const body = { phone_number: 'x', token: 'token of x' };
  await redis.kill('SIGSTOP');
  const late = await given.peer();
  late.send(1, body);
  await late.isClosedSilently();
  const client = await other.peer();
  client.send(1, body);
  await until('it waits', async () => (await other.metric('fronttcp_verifies_waiting')) === 1);
  await redis.kill('SIGCONT');
  await client.receives(101, '{"code": 1}');
  await until('none waits', async () => (await given.metric('fronttcp_verifies_waiting')) === 0);
  await other.push(entry('to the one that stays', ['x']));
  await client.receives(102);
  const events = (await other.redis.command('XRANGE', other.keys.events, '-', '+')) as [string, string[]][];
  expect(events.map(([, fields]) => fields[1])).toEqual(['connected']);
});
