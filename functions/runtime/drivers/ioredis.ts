import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';
import { nameNodes } from '../../../shared/redis/cluster.ts';
import { GatheredWrites } from '../../../shared/redis/gathered-writes.ts';
import {
  type RedisArgument,
  type RedisPort,
  type RedisReply,
  RedisUnavailableError,
  type Script,
} from '../../../shared/redis/port.ts';
import type { Environment } from '../environment.ts';
import type { StoreSecret } from '../secrets.ts';
import { isPassing, isUnknownScript, type Patience, SERVING, withinTimeout } from './failures.ts';

type Client = Redis | Cluster;

/** Connects lazily: nothing is opened before the first command, and one connection serves every request after it. */
export function connectRedis(environment: Environment, secret: StoreSecret | undefined, patience = SERVING): RedisPort {
  const { REDIS_URL, REDIS_CLUSTER } = environment;
  if (REDIS_URL === undefined) throw new Error('REDIS_URL is missing');
  const open = () => connect(new URL(REDIS_URL), { isCluster: REDIS_CLUSTER, credentials: secret?.store, patience });
  return new IoredisPort(open, patience.callTimeoutMs);
}

class IoredisPort implements RedisPort {
  readonly #open: () => Client;
  readonly #client: Client;
  readonly #writes: GatheredWrites;
  /** Scripts that this connection has been sent whole. */
  readonly #sentWhole = new Set<Script>();
  readonly #callTimeoutMs: number;
  /** Of the connection, while there is none: of a call ioredis says only that there were too many attempts. */
  #lastError: Error | undefined;

  constructor(open: () => Client, callTimeoutMs: number) {
    const client = open();
    this.#open = open;
    this.#client = client;
    this.#writes = new GatheredWrites(client, setImmediate);
    this.#callTimeoutMs = callTimeoutMs;
    // Every failure reaches the caller of a command; without a listener ioredis would write to the console as well.
    client.on('error', (error: Error & { lastNodeError?: Error }) => {
      this.#lastError = error.lastNodeError ?? error;
    });
    client.on('ready', () => {
      this.#lastError = undefined;
    });
    client.on('close', () => this.#sentWhole.clear());
  }

  command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    this.#writes.begin();
    return this.#answered(this.#client.call(name, ...args) as Promise<RedisReply>);
  }

  async pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(String(name), ...args);
    const replies = (await this.#answered(pipeline.exec())) ?? [];
    return replies.map(([error, reply]) => {
      if (error) throw this.#explained(error);
      return reply as RedisReply;
    });
  }

  async script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const known = await this.#byDigest(script, keys, args);
    if (known !== undefined) return known;
    // Of many who were told so at once only the first sends it whole, ahead of the others.
    if (this.#sentWhole.has(script)) {
      const sent = await this.#byDigest(script, keys, args);
      if (sent !== undefined) return sent;
    }
    this.#sentWhole.add(script);
    return this.command('EVAL', script.lua, keys.length, ...keys, ...args);
  }

  /** Undefined where Redis does not know the script. */
  async #byDigest(script: Script, keys: readonly string[], args: readonly RedisArgument[]) {
    try {
      return await this.command('EVALSHA', script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (isUnknownScript(error)) return undefined;
      throw error;
    }
  }

  openBlocking(maxBlockMs: number): RedisPort {
    return new IoredisPort(this.#open, maxBlockMs + this.#callTimeoutMs);
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  async #answered<T>(call: Promise<T>): Promise<T> {
    try {
      return await withinTimeout(call, this.#callTimeoutMs);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof RedisUnavailableError) return error;
    if (error.name === 'ReplyError') return isPassing(error.message) ? unavailable(error) : error;
    return unavailable(this.#lastError ?? error);
  }
}

interface Way {
  readonly isCluster: boolean;
  readonly credentials: StoreSecret['store'];
  readonly patience: Patience;
}

function connect(url: URL, { isCluster, credentials, patience }: Way): Client {
  const { callTimeoutMs, firstTries } = patience;
  const own = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
  const options = {
    // RESP 2: replies have one shape with every store and driver.
    protocol: 2 as const,
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: callTimeoutMs,
    retryStrategy: retryDelay,
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (2 as const) : false),
    enableReadyCheck: false,
    keepAlive: 10_000,
    ...own,
    ...credentials,
  } satisfies RedisOptions;
  const isTls = url.protocol === 'rediss:';
  const node = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) };
  if (isCluster) {
    Command.setReplyTransformer('cluster', (reply: unknown) => nameNodes(reply, node.host));
    let hasAnswered = false;
    const cluster = new Cluster([node], {
      lazyConnect: true,
      // The certificate names the node, not its address. Only here, at the top, is the option looked at.
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: (attempt) => (hasAnswered || attempt < firstTries ? retryDelay(attempt) : undefined),
      slotsRefreshTimeout: callTimeoutMs,
      redisOptions: { ...options, ...(isTls ? { tls: {} } : {}) },
    });
    cluster.once('ready', () => {
      hasAnswered = true;
    });
    return cluster;
  }
  const db = Number(url.pathname.slice(1) || 0);
  const tls = isTls ? { tls: { servername: url.hostname } } : {};
  return new Redis({ ...options, ...node, ...tls, ...(Number.isInteger(db) ? { db } : {}) });
}

/** Redis that is away is looked for once a second at most, and found again well within five. */
function retryDelay(attempt: number): number {
  return Math.min(50 * attempt, 1_000);
}

function unavailable(error: Error): RedisUnavailableError {
  return new RedisUnavailableError(error.message, { cause: error });
}
