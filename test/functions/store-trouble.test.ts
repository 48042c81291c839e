import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startHttpApi } from '../kit/http-api.ts';
import { startTestRedis } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';
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
  const elapsedMs = stopwatch(redis.pid);
  const { status, body } = await http.send(command);
  expect([status, body.error]).toEqual([503, 'store_unavailable']);
  expect(elapsedMs()).toBeLessThan(2_000);
  await until('a command is taken again', async () => (await http.send(command)).status === 200);
  expect(elapsedMs()).toBeLessThan(5_000);
});

it('a store that falls silent in the middle of a batch: what was sent is reported soon, the rest is refused', async () => {
  const redis = await ownRedis();
  const proxy = await startStoreProxy(redis.port);
  onTestFinished(() => proxy.close());
  const http = await startHttpApi({ url: proxy.url });
  onTestFinished(() => http.stop());
  const [direct, mailbox] = [new Redis(redis.url), `${http.prefix}mailbox:bob`];
  onTestFinished(() => direct.disconnect());
  await http.addUser('bob');
  await http.call('PUT', '/groups/all/members', { body: '{"add":["bob"]}' });
  await http.send({ ...command, chat_to: 'nobody' });
  proxy.delay(500);
  const startedAt = performance.now();
  const answer = http.send({ commands: Array(30).fill({ ...command, command_id: 103, chat_to: { group: 'all' } }) });
  await until('the first step is carried out', async () => (await direct.zcard(mailbox)) > 0);
  // Its reply has reached the proxy by then.
  await direct.ping();
  proxy.delay(60_000);
  const { status, body } = await answer;
  // Each step takes a second and a half to fail: all of them would take three quarters of a minute.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect([status, body.results]).toMatchObject([
    200,
    [{ code: 1, recipients: { members: 1 } }, ...Array(29).fill({ code: 0, error: 'store_unavailable' })],
  ]);
  await until('only the first command is left', async () => (await direct.zcard(mailbox)) === 1);
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
    const guess = async () => (await http.post('/login', { phone_number: 'eve', password: 'wrong' })).status;
    expect(await guess()).toBe(401);
    // So that the pause after the next one is minutes.
    const [failuresOfEve = ''] = await http.redis.keys(`${http.prefix}login_failures:pair:*`);
    await http.redis.hset(failuresOfEve, 'failures', 11);
    await http.redis.config('SET', 'maxmemory', '1');
    const { status, body, headers } = await http.send(command);
    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'store_full', '1']);
    expect((await http.call('GET', '/users')).status).toBe(200);
    expect((await http.post('/login', { phone_number: 'ann', password: '123456' })).status).toBe(200);
    expect((await http.call('DELETE', '/users/bob/token')).status).toBe(200);
    expect((await http.call('DELETE', `/commands/${later.body.id}`)).body).toMatchObject({ cancelled: 1 });
    expect([await guess(), await guess(), await guess()]).toEqual([401, 429, 429]);
    await http.redis.config('SET', 'maxmemory', '0');
    expect((await http.send(command)).status).toBe(200);
  },
);
