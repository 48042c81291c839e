import { setTimeout } from 'node:timers/promises';
import { Cluster, Command, Redis } from 'ioredis';
import { nameNodes } from '../../shared/redis/cluster.ts';
import { GatheredWrites } from '../../shared/redis/gathered-writes.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../shared/redis/port.ts';
import type { GatewayConfig } from '../config.ts';
import type { Log } from '../observe/log.ts';
import { StoreUse } from '../observe/store-use.ts';

type Client = Redis | Cluster;

/**
 * Redis as the gateway uses it. Commands wait while Redis is away, in order, and those that had no answer are sent
 * again first: whatever is issued here must bear to be run twice.
 */
export interface GatewayRedis extends RedisPort {
  /** A connection of its own, for a command that blocks. */
  blocking(): GatewayRedis;
  /** Called whenever the connection is there again after it was lost. */
  onReturn(listener: () => void): void;
  readonly use: StoreUse;
}

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** Longest wait for bytes on a connection with a command under way; a blocking one waits BLOCK_MS at most. */
const SILENCE_MS = 15_000;

export function connectRedis(config: GatewayConfig['redis'], log: Log): GatewayRedis {
  return new IoredisPort(config, log, { use: new StoreUse(), blocks: false });
}

class IoredisPort implements GatewayRedis {
  readonly use: StoreUse;
  /** What waits for something to come says nothing about the store's speed. */
  readonly #blocks: boolean;
  readonly #config: GatewayConfig['redis'];
  readonly #log: Log;
  readonly #client: Client;
  /** Scripts that were sent whole on this connection: from then on their digest will do. */
  readonly #sentWhole = new Set<Script>();
  #closed = false;
  readonly #writes: GatheredWrites;

  constructor(config: GatewayConfig['redis'], log: Log, { use, blocks }: { use: StoreUse; blocks: boolean }) {
    this.use = use;
    this.#blocks = blocks;
    this.#config = config;
    this.#log = log;
    this.#client = connect(config);
    this.#writes = new GatheredWrites(this.#client, process.nextTick);
    // Without a listener ioredis writes to the console by itself. One line per outage, not per attempt.
    let away = false;
    this.#client.on('error', (error: Error) => {
      use.errors += 1;
      if (!away) log.warn({ event: 'redis_away', error: error.message }, 'Redis is out of reach');
      away = true;
    });
    this.#client.on('close', () => this.#sentWhole.clear());
    this.#client.on('ready', () => {
      if (away) log.info({ event: 'redis_back' }, 'Redis answers again');
      if (away) use.reconnects += 1;
      away = false;
    });
  }

  onReturn(listener: () => void): void {
    let wasLost = false;
    this.#client.on('close', () => {
      wasLost = true;
    });
    this.#client.on('ready', () => {
      if (wasLost && !this.#closed) listener();
      wasLost = false;
    });
  }

  blocking(): GatewayRedis {
    return new IoredisPort(this.#config, this.#log, { use: this.use, blocks: true });
  }

  async command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#writes.begin();
        const reply = (await this.#client.call(name, ...args)) as RedisReply;
        if (!this.#blocks) this.use.commandMs.record(performance.now() - startedAt);
        return reply;
      } catch (error) {
        if (this.#closed || !passes(error)) throw error;
        this.use.errors += 1;
        await setTimeout(retryDelay(attempt), undefined, { ref: false });
      }
    }
  }

  async pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    // Not ioredis's pipeline(): its commands are given up, not sent again, when the connection breaks.
    return Promise.all(commands.map(([name, ...args]) => this.command(String(name), ...args)));
  }

  /**
   * Whole at first, by its digest later. Asking by a digest that Redis does not know costs more than a round trip: the
   * second attempt would be overtaken by whatever was issued in between.
   */
  async script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const startedAt = performance.now();
    try {
      return await this.#evaluate(script, keys, args);
    } finally {
      this.use.ran(script.name, performance.now() - startedAt);
    }
  }

  async #evaluate(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    if (!this.#sentWhole.has(script)) {
      this.#sentWhole.add(script);
      return this.command('EVAL', script.lua, keys.length, ...keys, ...args);
    }
    try {
      return await this.command('EVALSHA', script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.command('EVAL', script.lua, keys.length, ...keys, ...args);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client.disconnect();
  }
}

function connect(config: GatewayConfig['redis']): Client {
  const url = new URL(config.url);
  const options = {
    protocol: 2 as const,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
    retryStrategy: (attempt: number) => retryDelay(attempt),
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (2 as const) : false),
    connectTimeout: 5_000,
    socketTimeout: SILENCE_MS,
    keepAlive: 10_000,
    noDelay: true,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
  };
  if (!config.cluster) return new Redis(config.url, options);
  const tls = url.protocol === 'rediss:' ? { tls: {} } : {};
  const credentials = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
  Command.setReplyTransformer('cluster', (reply: unknown) => nameNodes(reply, url.hostname));
  return new Cluster([{ host: url.hostname, port: Number(url.port || 6379) }], {
    dnsLookup: (address, callback) => callback(null, address),
    clusterRetryStrategy: (attempt) => retryDelay(attempt),
    retryDelayOnClusterDown: 100,
    redisOptions: { ...credentials, ...options, ...tls },
  });
}

const PASSING = [
  'LOADING',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MASTERDOWN',
  'READONLY',
  'OOM',
  'MISCONF',
  'NOREPLICAS',
  'BUSY',
];

/** Whether what went wrong is the store's state, not the command: a broken connection, a failover, full memory. */
function passes(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name !== 'ReplyError' || PASSING.some((code) => error.message.startsWith(code));
}

function retryDelay(attempt: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 6));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}
