import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type Keys, keysOf } from '../../../contract/store/keys.ts';
import { startGatewayProcess } from '../../kit/gateway-process.ts';
import { metricIn } from '../../kit/metrics.ts';
import { Peer } from '../../kit/peer.ts';
import type { RunningProcess } from '../../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../../kit/redis.ts';
import { scanKeys } from '../../kit/scan-keys.ts';
import { until } from '../../kit/until.ts';

/** What may stay behind an attack: caches of the runtime, not what was sent. The attacks send many times as much. */
const MEMORY_MARGIN_BYTES = 64 * 1024 * 1024;
/** The part of it that is in use. */
const HELD_MARGIN_BYTES = 32 * 1024 * 1024;
const RECOVERY = { timeoutMs: 60_000, everyMs: 250 };

/** A gateway of its own process: it can be watched from outside, and an attack that ends it is seen. */
export interface Target {
  readonly port: number;
  readonly healthPort: number;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly process: RunningProcess;
  users(...ids: string[]): Promise<void>;
  verified(userId: string, features?: string[]): Promise<Peer>;
  metric(name: string): Promise<number>;
  /** Runs the attack, and then asks what must hold after every one of them. */
  attack(run: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

interface TargetOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The maximum number of files that the process may open. */
  readonly openFiles?: number;
}

export async function startTarget({ env = {}, openFiles }: TargetOptions = {}): Promise<Target> {
  const prefix = uniquePrefix();
  const keys = keysOf(prefix);
  const redis = new Redis(sharedRedisUrl());
  const {
    process: gateway,
    port,
    healthPort,
    metrics,
    isReady,
  } = await startGatewayProcess({
    openFiles,
    env: {
      REDIS_URL: sharedRedisUrl(),
      REDIS_KEY_PREFIX: prefix,
      // As `npm run gateway` starts it, and with a heap that a leak would soon fill.
      NODE_OPTIONS: '--max-old-space-size=256',
      ...env,
    },
  });
  await until('the gateway is ready', isReady, { timeoutMs: 60_000 });

  let fresh = 0;
  const users = async (...ids: string[]) => {
    await Promise.all(ids.map((id) => redis.hset(keys.user(id), 'token', `token of ${id}`)));
  };
  const verified = async (userId: string, features?: string[]) => {
    await users(userId);
    const peer = await Peer.connect(port);
    const verdict = await peer.verify(userId, features === undefined ? {} : { features });
    expect(verdict.code).toBe(1);
    return peer;
  };
  const metric = async (name: string) => {
    const value = metricIn(await metrics(), name);
    if (value === undefined) throw new Error(`there is no metric ${name}`);
    return value;
  };
  const memory = async () => ({
    held: (await metric('nodejs_heap_size_used_bytes')) + (await metric('nodejs_external_memory_bytes')),
    resident: await metric('process_resident_memory_bytes'),
  });

  async function aFreshClientWorks(): Promise<void> {
    fresh += 1;
    const id = `fresh-${fresh}`;
    const client = await verified(id);
    client.send(2, { chat_to: id, chat_content: 'hello' });
    await client.receives(102, { chat_from: id, chat_content: 'hello' });
    await redis.lpush(
      keys.queue,
      JSON.stringify({ command_id: 102, chat_from: 'p', chat_to: [id], chat_content: 'q' }),
    );
    await client.receives(102, { chat_from: 'p', chat_content: 'q' });
    await client.leave();
  }

  await aFreshClientWorks();
  return {
    port,
    healthPort,
    redis,
    keys,
    process: gateway,
    users,
    verified,
    metric,
    async attack(run) {
      const [before, connectionsBefore] = [await memory(), await metric('fronttcp_connections')];
      await run();
      expect(gateway.hasExited, gateway.output()).toBe(false);
      // From the very address of the attack, which may have to wait until what it left there is gone.
      await until('a fresh client works', () => aFreshClientWorks().then(() => true), RECOVERY);
      await until(
        'the connections of the attack are gone',
        async () => (await metric('fronttcp_connections')) <= connectionsBefore,
        RECOVERY,
      );
      let after = before;
      await until(
        'memory is back',
        async () => {
          after = await memory();
          return (
            after.held <= before.held + HELD_MARGIN_BYTES && after.resident <= before.resident + MEMORY_MARGIN_BYTES
          );
        },
        RECOVERY,
      ).catch((cause: unknown) => {
        throw new Error(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`, { cause });
      });
    },
    async stop() {
      await gateway.stop();
      const left = await scanKeys(redis, `${prefix}*`);
      for (let at = 0; at < left.length; at += 1_000) await redis.del(...left.slice(at, at + 1_000));
      redis.disconnect();
    },
  };
}
