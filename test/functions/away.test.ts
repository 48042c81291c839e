import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { createRuntime } from '../../functions/runtime/runtime.ts';
import { type HttpApi, type Store, startHttpApi } from '../kit/http-api.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { until } from '../kit/until.ts';
import { withPassword } from '../kit/users.ts';

const ways: [Store, 'SIGKILL' | 'SIGSTOP'][] = [
  ['ioredis', 'SIGKILL'],
  ['ioredis', 'SIGSTOP'],
  ['ioredis in a cluster', 'SIGKILL'],
  ['ioredis in a cluster', 'SIGSTOP'],
  ['Upstash', 'SIGKILL'],
  ['Upstash', 'SIGSTOP'],
];

describe.each(ways)('while Redis is away (%s, %s)', (store, signal) => {
  let redis: TestRedis;
  let http: HttpApi;
  beforeAll(async () => {
    redis = await startTestRedis({ cluster: store === 'ioredis in a cluster', appendonly: true });
    http = await startHttpApi({ store, url: redis.url });
    await http.addUser('ann', withPassword('123456'));
    await http.addUser('bob');
  });
  afterEach(() => redis.kill('SIGCONT'));
  afterAll(async () => {
    await http.stop();
    await redis.stop();
  });

  const back = () => (signal === 'SIGKILL' ? redis.restart() : redis.kill('SIGCONT'));
  const command = { command_id: 102, chat_to: 'bob', content: 'x' };

  it('answers 503 with Retry-After within 2 s, takes nothing, and works again within 5 s', async () => {
    expect((await http.send(command)).status).toBe(200);
    await redis.kill(signal);
    const calls = [
      () => http.send(command),
      () => http.send({ commands: [command, command] }),
      () => http.post('/login', { phone_number: 'ann', password: '123456' }),
      () => http.call('GET', '/users'),
      () => http.call('POST', '/logout'),
    ];
    for (let round = 0; round < 2; round += 1) {
      const elapsedMs = stopwatch();
      const answers = await Promise.all(calls.map((call) => call()));
      const answeredMs = elapsedMs();
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
      for (const { body, headers } of answers) {
        expect(body.message).toContain('Redis is out of reach');
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(answeredMs).toBeLessThan(2_000);
    }
    await back();
    const elapsedMs = stopwatch(redis.pid);
    await until('a command is taken again', async () => (await http.send(command)).status === 200);
    expect(elapsedMs()).toBeLessThan(5_000);
    await until('our own connection is back', () => http.redis.status === 'ready');
    expect(await http.redis.zcard(`${http.prefix}mailbox:bob`)).toBe(2);
    expect(await http.redis.hexists(`${http.prefix}user:ann`, 'token')).toBe(0);
    expect(JSON.stringify(http.logged)).not.toContain(http.operator);
  });
});

describe('a command that Redis reads from its socket after the 503', () => {
  it('is not carried out', async () => {
    const redis = await startTestRedis();
    const http = await startHttpApi({ url: redis.url });
    try {
      await http.addUser('bob');
      // So that only the script itself is under way when Redis stops: the token has been checked.
      expect((await http.send({ command_id: 102, chat_to: 'bob', content: 'before' })).status).toBe(200);
      const { clock, redis: port, keys } = await createRuntime({ REDIS_URL: redis.url, REDIS_KEY_PREFIX: http.prefix });
      const deadlineMs = await clock.deadline();
      await redis.kill('SIGSTOP');
      const route = routeCommands(
        port,
        keys,
        [
          {
            commandId: 102,
            version: 1100,
            body: '{}',
            to: ['bob'],
            from: 'op',
            ttlSeconds: 0,
            receipt: false,
            traceparent: '',
          },
        ],
        { offlineTtlSeconds: 60, mailboxMax: 10, highestId: 0, deadlineMs },
      );
      await expect(route).rejects.toMatchObject({ name: 'RedisUnavailableError' });
      await until('the deadline is over', () => Date.now() > deadlineMs + 100);
      await redis.kill('SIGCONT');
      await until('what was in the socket has been read', async () => (await port.command('PING')) === 'PONG');
      expect(await http.redis.zcard(`${http.prefix}mailbox:bob`)).toBe(1);
      await port.close();
    } finally {
      await redis.kill('SIGCONT');
      await http.stop();
      await redis.stop();
    }
  });
});
