import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { startApiProcess } from '../../kit/api-process.ts';
import { type CallOptions, caller, type Reply } from '../../kit/http-api.ts';
import { type RunningProcess, repository } from '../../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../../kit/redis.ts';
import { scanKeys } from '../../kit/scan-keys.ts';
import { until } from '../../kit/until.ts';
import { addOperator } from '../../kit/users.ts';

/** What may stay behind an attack: caches of the runtime, not what was sent. */
const MEMORY_MARGIN_BYTES = 64 * 1024 * 1024;
const RECOVERY = { timeoutMs: 60_000, everyMs: 250 };

/** The HTTP API as a process of its own, with an operator and the user `ann`, who is away. */
export interface ApiTarget {
  readonly port: number;
  readonly redis: Redis;
  readonly prefix: string;
  readonly operator: string;
  readonly process: RunningProcess;
  /** Lines of its log so far. */
  readonly logged: Record<string, unknown>[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  send(body: unknown): Promise<Reply>;
  /** Messages that wait for `ann`. */
  waiting(): Promise<number>;
  /** Runs the attack, and then asks what must hold after every one of them. */
  attack(run: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startApiTarget(env: Readonly<Record<string, string>> = {}): Promise<ApiTarget> {
  const prefix = uniquePrefix();
  const redis = new Redis(sharedRedisUrl());
  const operator = await addOperator(redis, prefix);
  await redis.hset(`${prefix}user:ann`, { token: 'plain' });
  const { process: api, url } = await startApiProcess({
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: prefix,
    NODE_OPTIONS: `--import ${repository}test/hostile/support/memory.ts --max-old-space-size=256`,
    ...env,
  });
  const call = caller(url, operator);
  const send: ApiTarget['send'] = (body) => call('POST', '/send-command', { body: JSON.stringify(body) });
  const waiting = () => redis.zcard(`${prefix}mailbox:ann`);

  let asked = 0;
  async function memory(): Promise<number> {
    asked += 1;
    api.child.kill('SIGUSR2');
    return Number(/\d+$/.exec(await api.line(new RegExp(`^memory ${asked}: `)))?.[0]);
  }

  async function aFreshRequestWorks(): Promise<void> {
    const before = await waiting();
    expect((await send({ command_id: 102, chat_to: 'ann', content: 'fresh' })).status).toBe(200);
    expect(await waiting()).toBe(before + 1);
  }

  await aFreshRequestWorks();
  return {
    port: Number(new URL(url).port),
    redis,
    prefix,
    operator,
    process: api,
    get logged() {
      const lines = api.output().split('\n');
      return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    call,
    send,
    waiting,
    async attack(run) {
      const before = await memory();
      await run();
      expect(api.hasExited, api.output()).toBe(false);
      await aFreshRequestWorks();
      let after = 0;
      await until(
        'memory is back',
        async () => {
          after = await memory();
          return after <= before + MEMORY_MARGIN_BYTES;
        },
        RECOVERY,
      ).catch((cause: unknown) => {
        throw new Error(`${before} bytes before, ${after} after`, { cause });
      });
    },
    async stop() {
      await api.stop();
      const left = await scanKeys(redis, `${prefix}*`);
      if (left.length > 0) await redis.del(...left);
      redis.disconnect();
    },
  };
}
