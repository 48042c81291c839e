import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { type GatewayProcess, startGatewayProcess } from '../kit/gateway-process.ts';
import { until } from '../kit/until.ts';
import { ApiServer } from './api-server.ts';
import { Links } from './links.ts';
import { findRedisServer, type RedisServer, startReplica } from './redis-server.ts';

/** Long enough not to be lost by a busy machine, short enough for a run of seconds. */
export const LEASE_MS = 2_500;

/** Of a machine that does many things at once. */
const START_TIMEOUT_MS = 120_000;

export interface SystemOptions {
  readonly cluster: boolean;
  readonly gateways: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs as gateways, where it is not that of this repository. */
  readonly program?: string;
  /** Everything goes to Redis through proxies; not with `cluster`, which leads past them. */
  readonly links?: boolean;
  /** Redis has a replica, and its clock is ahead of the replica's by so much (negative: behind); with `links`. */
  readonly replica?: { readonly behindMs: number };
}

export interface Gateway extends GatewayProcess {
  readonly name: string;
  /** Stopped by SIGSTOP. */
  isPaused: boolean;
}

/** The whole system on real sockets: Redis with its log synced at every write, gateways and the HTTP API as processes. */
export class System {
  /** The one that serves. */
  redis: RedisServer;
  replica: RedisServer | undefined;
  readonly links: Links | undefined;
  /** What gateways that are started from now on run. */
  program: string | undefined;
  readonly admin: Redis;
  readonly keys: Keys;
  readonly api: ApiServer;
  /** By place; a place whose gateway is down has none. */
  readonly gateways: (Gateway | undefined)[] = [];
  /** All that ever ran, for their logs. */
  readonly started: Gateway[] = [];
  readonly tokens = new Map<string, string>();
  readonly env: Record<string, string>;
  readonly #folder: string;
  readonly #redisServers: readonly RedisServer[];

  private constructor(parts: {
    redis: RedisServer;
    replica: RedisServer | undefined;
    links: Links | undefined;
    admin: Redis;
    api: ApiServer;
    folder: string;
    env: Record<string, string>;
  }) {
    this.redis = parts.redis;
    this.replica = parts.replica;
    this.#redisServers = parts.replica ? [parts.redis, parts.replica] : [parts.redis];
    this.links = parts.links;
    this.admin = parts.admin;
    this.api = parts.api;
    this.env = parts.env;
    this.#folder = parts.folder;
    this.keys = keysOf(parts.env.REDIS_KEY_PREFIX ?? '');
  }

  static async start(options: SystemOptions): Promise<System> {
    const folder = await mkdtemp(join(tmpdir(), 'fronttcp-faults-'));
    const redis = await findRedisServer(folder, options.cluster, undefined, options.replica?.behindMs);
    const replica = options.replica ? await startReplica(folder, redis) : undefined;
    const links = options.links ? await Links.start(redis.port, options.gateways) : undefined;
    const env = {
      REDIS_URL: links?.others.url ?? redis.url,
      REDIS_CLUSTER: String(options.cluster),
      REDIS_KEY_PREFIX: options.cluster ? '{faults}:' : 'faults:',
      // What these tests count must not be given up for the bound of a mailbox.
      MAILBOX_MAX_BYTES: '100000000',
      LEASE_MS: String(LEASE_MS),
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
      ...options.env,
    };
    const admin = new Redis(env.REDIS_URL, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    const ofApi = links ? { REDIS_URL: links.api.url } : {};
    const api = await ApiServer.start({ ...env, ...ofApi, LOG_LEVEL: 'silent' });
    const system = new System({ redis, replica, links, admin, api, folder, env });
    system.program = options.program;
    try {
      await Promise.all(Array.from({ length: options.gateways }, (_, place) => system.startGateway(place)));
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  async startGateway(place: number): Promise<Gateway> {
    const link = this.links?.gateways[place];
    const own = { DRAIN_TIMEOUT_MS: '5000', ...(link ? { REDIS_URL: link.url } : {}) };
    const started = await startGatewayProcess({ env: { ...this.env, ...own }, program: this.program });
    const gateway = { ...started, name: `gateway ${place}.${this.started.length}`, isPaused: false };
    this.gateways[place] = gateway;
    this.started.push(gateway);
    return gateway;
  }

  /** Those that would accept a connection now. */
  get open(): Gateway[] {
    return this.gateways.filter((gateway) => gateway !== undefined);
  }

  async untilReady(): Promise<void> {
    await until(
      'all gateways are ready',
      async () => {
        const answers = await Promise.all(this.open.map((gateway) => gateway.isReady()));
        return answers.every(Boolean);
      },
      { timeoutMs: START_TIMEOUT_MS, everyMs: 50 },
    );
  }

  async createUser(userId: string, role = 'user'): Promise<void> {
    const token = makeToken(userId);
    this.tokens.set(userId, token);
    await this.admin.hset(this.keys.user(userId), { token: tokenAtRest(token), role });
  }

  /** The token so far is no good from the moment on in which this resolves. */
  async rotateToken(userId: string): Promise<void> {
    const token = makeToken(userId);
    const write = () => this.admin.hset(this.keys.user(userId), { token: tokenAtRest(token) });
    await until('the new token is written', async () => (await write()) === 0, { timeoutMs: 60_000, everyMs: 50 });
    this.tokens.set(userId, token);
  }

  tokenOf(userId: string): string {
    return this.tokens.get(userId) ?? '';
  }

  /** Ends every gateway with SIGTERM; answers those that did not end with 0. */
  async stopGateways(): Promise<string[]> {
    const ends = await Promise.all(
      this.open.map(async ({ process, name }) => ({ name, process, exit: await process.stop('SIGTERM', 30_000) })),
    );
    this.gateways.length = 0;
    return ends
      .filter(({ exit }) => exit.code !== 0)
      .map(
        ({ name, process, exit }) =>
          `${name} ended with ${exit.code ?? exit.signal}\n${process.output().slice(-2_000)}`,
      );
  }

  async stop(): Promise<void> {
    for (const gateway of this.open) gateway.process.child.kill('SIGCONT');
    await Promise.all(this.open.map(({ process }) => process.stop('SIGKILL')));
    await this.api.kill();
    this.admin.disconnect();
    await this.links?.close();
    await Promise.all(this.#redisServers.map((server) => server.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
