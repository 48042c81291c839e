import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Keys, keysOf } from '../../../contract/store/keys.ts';
import { makeToken, tokenAtRest } from '../../../contract/store/tokens.ts';
import { findRedisServer, type RedisServer } from '../../faults/redis-server.ts';
import { startApiProcess } from '../../kit/api-process.ts';
import { type GatewayProcess, startGatewayProcess } from '../../kit/gateway-process.ts';
import type { RunningProcess } from '../../kit/process.ts';
import { until } from '../../kit/until.ts';

/** Of every user but the operator. */
export const TOKEN = 'token';
const OPERATOR_TOKEN = makeToken('operator');
const START = { timeoutMs: 120_000, everyMs: 50 };
const IN_MEMORY = ['--save', '', '--appendonly', 'no'];

/** Two gateways, the HTTP API and one Redis, each a process of its own, with default limits. */
export class System {
  readonly redis: RedisServer;
  /** Nobody uses it but the watch: what a PING costs on this machine at this moment. */
  readonly idleRedis: RedisServer;
  readonly admin: Redis;
  readonly keys: Keys = keysOf('');
  readonly gateways: readonly [GatewayProcess, GatewayProcess];
  readonly apiUrl: string;
  readonly #api: RunningProcess;
  readonly #folder: string;

  /** `checkout`: the repository whose gateways and API are started; undefined: this one. */
  static async start(checkout?: string): Promise<System> {
    const folder = await mkdtemp(join(tmpdir(), 'fronttcp-attack-'));
    const redis = await findRedisServer(folder, false, IN_MEMORY);
    const idleRedis = await findRedisServer(folder, false, IN_MEMORY);
    const admin = new Redis(redis.url, { maxRetriesPerRequest: null });
    await admin.config('SET', 'busy-reply-threshold', '0');
    const env = {
      REDIS_URL: redis.url,
      LOG_LEVEL: 'warn',
      AUTH_TIMEOUT_MS: '10000',
    };
    const cwd = checkout === undefined ? {} : { cwd: checkout };
    const gateways = await Promise.all([startGatewayProcess({ env, ...cwd }), startGatewayProcess({ env, ...cwd })]);
    const { process: api, url: apiUrl } = await startApiProcess(env, checkout);
    const system = new System({ redis, idleRedis, admin, gateways, apiUrl, api, folder });
    await until(
      'the gateways are ready',
      async () => (await Promise.all(gateways.map((g) => g.isReady()))).every(Boolean),
      START,
    );
    await admin.hset(system.keys.user('operator'), { token: tokenAtRest(OPERATOR_TOKEN), role: 'operator' });
    return system;
  }

  private constructor(parts: {
    redis: RedisServer;
    idleRedis: RedisServer;
    admin: Redis;
    gateways: readonly [GatewayProcess, GatewayProcess];
    apiUrl: string;
    api: RunningProcess;
    folder: string;
  }) {
    this.redis = parts.redis;
    this.idleRedis = parts.idleRedis;
    this.admin = parts.admin;
    this.gateways = parts.gateways;
    this.apiUrl = parts.apiUrl;
    this.#api = parts.api;
    this.#folder = parts.folder;
  }

  async addUsers(users: readonly string[]): Promise<void> {
    for (let from = 0; from < users.length; from += 1_000) {
      const pipeline = this.admin.pipeline();
      for (const user of users.slice(from, from + 1_000)) pipeline.hset(this.keys.user(user), { token: TOKEN });
      await pipeline.exec();
    }
  }

  /** Status and body of POST /send-command; status 0: no answer. */
  async send(command: object): Promise<{ status: number; body: { id?: string } }> {
    try {
      const answer = await fetch(`${this.apiUrl}/send-command`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(command),
        signal: AbortSignal.timeout(20_000),
      });
      return { status: answer.status, body: (await answer.json()) as { id?: string } };
    } catch {
      return { status: 0, body: {} };
    }
  }

  /** What is in the mailboxes of users and was counted as lost there, per user. */
  async owed(users: readonly string[]): Promise<number[]> {
    const counts: number[] = [];
    for (let from = 0; from < users.length; from += 1_000) {
      const part = users.slice(from, from + 1_000);
      const pipeline = this.admin.pipeline();
      for (const user of part) pipeline.zcard(this.keys.mailbox(user)).hget(this.keys.user(user), 'lost');
      const replies = (await pipeline.exec()) ?? [];
      for (const at of part.keys()) counts.push(Number(replies[2 * at]?.[1]) + Number(replies[2 * at + 1]?.[1] ?? 0));
    }
    return counts;
  }

  async stop(): Promise<void> {
    for (const { process } of this.gateways) process.child.kill('SIGCONT');
    await Promise.all([...this.gateways.map(({ process }) => process), this.#api].map((one) => one.stop('SIGKILL')));
    this.admin.disconnect();
    await Promise.all([this.redis.stop(), this.idleRedis.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
