import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';
import { nameNodes } from '../../../contract/cluster.ts';
import { GatheredWrites } from '../../../contract/gathered-writes.ts';
import {
  type RedisArgument,
  type RedisPort,
  type RedisReply,
  RedisUnavailableError,
  type Script,
} from '../../../contract/redis.ts';
import type { Environment } from '../environment.ts';
import type { StoreSecret } from '../secrets.ts';
import { CALL_TIMEOUT_MS, isPassing, isUnknownScript, withinTimeout } from './failures.ts';

type Client = Redis | Cluster;

/** Connects lazily: nothing is opened before the first command, and one connection serves every request after it. */
export function connectRedis(environment: Environment, secret: StoreSecret | undefined): RedisPort {
  if (environment.REDIS_URL === undefined) throw new Error('REDIS_URL is missing');
  return new IoredisPort(connect(new URL(environment.REDIS_URL), environment.REDIS_CLUSTER, secret?.store));
}

class IoredisPort implements RedisPort {
  readonly #client: Client;
  readonly #writes: GatheredWrites;
  readonly #sentWhole = new Set<Script>();

  constructor(client: Client) {
    this.#client = client;
    this.#writes = new GatheredWrites(client, setImmediate);
    // Every failure reaches the caller of a command; without a listener ioredis would write to the console as well.
    client.on('error', ignore);
  }

  command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    this.#writes.begin();
    return answered(this.#client.call(name, ...args) as Promise<RedisReply>);
  }

  async pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(String(name), ...args);
    const replies = (await answered(pipeline.exec())) ?? [];
    return replies.map(([error, reply]) => {
      if (error) throw explained(error);
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

  async close(): Promise<void> {
    this.#client.disconnect();
  }
}

function connect(url: URL, isCluster: boolean, credentials: StoreSecret['store']): Client {
  const own = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
  const options = {
    // RESP 2: replies have one shape with every store and driver.
    protocol: 2 as const,
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: CALL_TIMEOUT_MS,
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
    return new Cluster([node], {
      lazyConnect: true,
      // The certificate names the node, not its address. Only here, at the top, is the option looked at.
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: retryDelay,
      slotsRefreshTimeout: CALL_TIMEOUT_MS,
      redisOptions: { ...options, ...(isTls ? { tls: {} } : {}) },
    });
  }
  const db = Number(url.pathname.slice(1) || 0);
  const tls = isTls ? { tls: { servername: url.hostname } } : {};
  return new Redis({ ...options, ...node, ...tls, ...(Number.isInteger(db) ? { db } : {}) });
}

/** Redis that is away is looked for once a second at most, and found again well within five. */
function retryDelay(attempt: number): number {
  return Math.min(50 * attempt, 1_000);
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await withinTimeout(call);
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RedisUnavailableError) return error;
  if (error.name === 'ReplyError' && !isPassing(error.message)) return error;
  return new RedisUnavailableError(error.message, { cause: error });
}

function ignore(): void {
  // See above.
}
