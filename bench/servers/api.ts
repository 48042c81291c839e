import type { Redis } from 'ioredis';
import { keysOf } from '../../contract/store/keys.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { freePort } from '../../local/free-port.ts';
import type { Plan } from '../plan.ts';
import { startChild } from '../support/child.ts';
import { sharedRedis } from './fronttcp.ts';

export interface RunningApi {
  readonly port: number;
  readonly pid: number;
  /** Of an operator. */
  readonly token: string;
  stop(): Promise<void>;
}

/** The local API (local/api.ts) on the server's CPU, beside the run's Redis. */
export async function startApi(plan: Plan): Promise<RunningApi> {
  const redis = await sharedRedis(plan);
  const token = await writeOperator(redis.client);
  const port = await freePort();
  const child = await startChild(process.execPath, ['local/api.ts'], {
    cpus: plan.serverCpus,
    niceness: plan.niceness,
    env: { API_PORT: `${port}`, REDIS_URL: redis.url, LOG_LEVEL: 'warn' },
  });
  await child.line(/HTTP API on/);
  return { port, pid: child.pid, token, stop: child.stop };
}

/** Makes a user that may send commands, and returns its token. */
export async function writeOperator(redis: Redis): Promise<string> {
  const token = makeToken('bench-operator');
  await redis.hset(keysOf('').user('bench-operator'), { token: tokenAtRest(token), role: 'operator' });
  return token;
}
