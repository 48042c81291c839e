import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { requireRedisBinary } from '../../local/redis/start.ts';
import { type ChildOptions, startChild } from './child.ts';
import { startOnFreePort } from './on-free-port.ts';
import { ensureCache } from './paths.ts';

export interface BenchRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** A connection for preparing and looking; closed by `stop`. */
  readonly client: Redis;
  stop(): Promise<void>;
}

/** A Redis of the run's own, without persistence: the gateway is measured, not the disk. */
export async function startRedis(options: ChildOptions, say: (line: string) => void): Promise<BenchRedis> {
  const { path } = await requireRedisBinary(process.env, say);
  const dir = await mkdtemp(join(await ensureCache(), 'redis-'));
  const settings = (port: number) => [
    '--bind',
    '127.0.0.1',
    '--protected-mode',
    'no',
    '--port',
    `${port}`,
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  // Protected mode knows 127.0.0.1 alone, and the generator comes from other loopback addresses.
  // Subscribers of the pub/sub peer are slow at 10,000 receivers: nobody is cut off in the middle of a measurement.
  const limits = [
    '--maxclients',
    '19900',
    '--client-output-buffer-limit',
    'pubsub',
    '0',
    '0',
    '0',
    '--tcp-backlog',
    '4096',
  ];
  const child = await startOnFreePort((port) => startChild(path, [...settings(port), ...limits], options));
  const { port } = child;
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url);
  return {
    url,
    port,
    pid: child.pid,
    client,
    stop: async () => {
      client.disconnect();
      await child.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Of user 0; the generator's -B. */
export const FIRST_USER = 13_500_000_000;
const CHUNK = 1_000;

/** The generator's user `i`. */
export const userId = (i: number): string => String(FIRST_USER + i);

/** Writes the generator's users and their tokens. */
export async function writeUsers(redis: Redis, count: number, from = 0): Promise<void> {
  for (let start = from; start < from + count; start += CHUNK) {
    const pipeline = redis.pipeline();
    for (let i = start; i < Math.min(start + CHUNK, from + count); i++) {
      pipeline.hset(`user:${userId(i)}`, 'token', `t${userId(i)}`);
    }
    await pipeline.exec();
  }
}
