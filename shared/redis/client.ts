import { isIP } from 'node:net';
import { Cluster, Command, Redis, type RedisOptions } from 'ioredis';
import { nameNodes, watchPrimaries } from './cluster.ts';
import { CommandCork } from './command-cork.ts';
import type { CredentialSource } from './credential-source.ts';
import {
  classOfReply,
  errorOfReply,
  isFromReplica,
  isUnknownScript,
  RedisReplyError,
  RedisUnavailableError,
} from './errors.ts';
import type { RedisArgument, RedisReply, Script } from './port.ts';
import { SilenceWatch } from './silence.ts';
import type { Credentials, RedisTarget } from './target.ts';

type Client = Redis | Cluster;

interface RedisClientOptions {
  readonly target: RedisTarget;
  readonly isCluster: boolean;
  /**
   * `wait`: commands wait, in order, and those without a reply are sent again first: every issued command must be safe to run
   * twice. `fail`: they are sent again once, then fail; nothing is opened before the first one.
   */
  readonly whileAway: 'wait' | 'fail';
  readonly connectTimeoutMs: number;
  /** Without any data for this long, while a call waits for its reply, a connection is replaced. */
  readonly silenceMs: number;
  /** Attempts to reach a cluster that has never answered. Default: any number. */
  readonly firstTries?: number;
  /** Decides when commands issued together leave: `setImmediate` with all of this turn, `process.nextTick` sooner. */
  readonly gather: (leave: () => void) => void;
  readonly retryDelay: (attempt: number) => number;
  /** Read again when the store refuses the current ones. `undefined`: not read yet, and nothing is opened before. */
  readonly credentials: CredentialSource<Credentials | undefined>;
  readonly onClose?: () => void;
  readonly onReady?: () => void;
  readonly onError?: (error: Error) => void;
}

/**
 * The Redis client of the gateway and the functions: commands and scripts on one connection, errors with their class, a watch
 * on silence, credentials that may change. Its owner decides when to retry: see gateway/store/redis.ts and functions/runtime/drivers/ioredis.ts.
 */
export class RedisClient {
  readonly #options: RedisClientOptions;
  readonly #watch: SilenceWatch;
  /** The credentials of the current connection. */
  #credentials: Credentials | undefined;
  #client: Client;
  #cork: CommandCork;
  /** Scripts whose full text was sent on this connection: from then on their digest is enough. */
  readonly #sentWhole = new Set<Script>();
  /** The last connection error while disconnected: for a call ioredis only reports that there were too many attempts. */
  #lastError: Error | undefined;
  #generation = 0;
  /** Of a cluster: a primary was lost, and no call has succeeded since. */
  #hasLostPrimary = false;
  readonly #pending = new Set<(error: Error) => void>();
  #isClosed = false;

  constructor(options: RedisClientOptions) {
    this.#options = options;
    this.#credentials = options.credentials.current;
    this.#watch = new SilenceWatch(options.silenceMs);
    this.#client = this.#connect();
    this.#cork = new CommandCork(this.#client, options.gather);
  }

  /** One command, once. Throws RedisReplyError, or RedisUnavailableError. */
  command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    this.#cork.begin();
    const call = this.#client.call(name, ...args) as Promise<RedisReply>;
    this.#watch.begin();
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) => reject(this.#explained(error));
      this.#pending.add(refuse);
      const end = () => {
        this.#watch.end();
        this.#pending.delete(refuse);
      };
      call.then(
        (reply) => {
          end();
          if (this.#hasLostPrimary) this.#ready();
          resolve(reply as RedisReply);
        },
        (error: unknown) => {
          end();
          refuse(error);
        },
      );
    });
  }

  /**
   * The full text first, the digest later. Calling a digest that Redis does not know costs more than a round trip: the
   * second attempt would be overtaken by whatever was issued in between.
   */
  async script(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
    command: RedisClient['command'] = (name, ...rest) => this.command(name, ...rest),
  ): Promise<RedisReply> {
    if (!this.#sentWhole.has(script)) {
      this.#sentWhole.add(script);
      return command('EVAL', script.lua, keys.length, ...keys, ...args);
    }
    try {
      return await command('EVALSHA', script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return command('EVAL', script.lua, keys.length, ...keys, ...args);
    }
  }

  /** Changes with the credentials: a call that failed under an older number may succeed now. */
  get generation(): number {
    return this.#generation;
  }

  /** Reads the credentials again, and reconnects when they have changed. */
  async renewCredentials(): Promise<void> {
    await this.#options.credentials.renew();
    this.#useCurrent();
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.stop();
    const isConnected = this.#client.status === 'ready';
    this.#client.disconnect();
    // Replies that are on their way still come.
    if (isConnected) return;
    // ioredis leaves calls that wait for a new connection without a reply.
    const error = new RedisUnavailableError('the connection was closed');
    for (const refuse of [...this.#pending]) refuse(error);
  }

  #useCurrent(): void {
    const { current } = this.#options.credentials;
    const { username, password } = this.#credentials ?? {};
    if (this.#isClosed || (current?.username === username && current?.password === password)) return;
    const old = this.#client;
    this.#generation += 1;
    this.#credentials = current;
    this.#lastError = undefined;
    this.#sentWhole.clear();
    this.#client = this.#connect();
    this.#cork = new CommandCork(this.#client, this.#options.gather);
    this.#options.onClose?.();
    old.disconnect();
  }

  /** The commands of a cluster would wait for as long as all of its nodes refuse us. */
  #credentialsRefused(error: Error): void {
    if (this.#options.whileAway === 'fail') for (const refuse of [...this.#pending]) refuse(error);
    else this.renewCredentials().catch(() => undefined);
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof RedisUnavailableError || error instanceof RedisReplyError)
      return error;
    if (error.name === 'ReplyError') return errorOfReply(error.message);
    const cause = this.#lastError ?? error;
    return cause.name === 'ReplyError'
      ? errorOfReply(cause.message)
      : new RedisUnavailableError(cause.message, { cause });
  }

  #connect(): Client {
    const client = this.#options.isCluster ? this.#cluster() : this.#standalone();
    const isCurrent = () => client === this.#client;
    // Every failure reaches the caller of a command; without a listener ioredis would write to the console as well.
    client.on('error', (error: Error & { lastNodeError?: Error }) => {
      if (!isCurrent()) return;
      this.#lastError = error.lastNodeError ?? error;
      this.#options.onError?.(this.#lastError);
      if (isAboutCredentials(this.#lastError)) this.#credentialsRefused(this.#lastError);
    });
    client.on('ready', () => {
      if (isCurrent()) this.#ready();
    });
    client.on('close', () => {
      if (isCurrent()) this.#lost();
    });
    return client;
  }

  #ready(): void {
    this.#hasLostPrimary = false;
    this.#lastError = undefined;
    this.#options.onReady?.();
  }

  #lost(): void {
    this.#sentWhole.clear();
    this.#options.onClose?.();
  }

  #standalone(): Redis {
    const { target } = this.#options;
    const tls = target.isTls ? { tls: isIP(target.host) === 0 ? { servername: target.host } : {} } : {};
    const redis = new Redis({ ...this.#common(), host: target.host, port: target.port, db: target.db, ...tls });
    this.#watch.add(redis);
    return redis;
  }

  #cluster(): Cluster {
    const { target, connectTimeoutMs, whileAway, retryDelay, firstTries = Number.POSITIVE_INFINITY } = this.#options;
    Command.setReplyTransformer('cluster', (reply: unknown) => nameNodes(reply, target.host));
    let hasAnswered = false;
    const cluster = new Cluster([{ host: target.host, port: target.port }], {
      lazyConnect: this.#isLazy,
      // The certificate names the node, not its address. The option only works here, at the top level.
      dnsLookup: (address, callback) => callback(null, address),
      clusterRetryStrategy: (attempt) => (hasAnswered || attempt < firstTries ? retryDelay(attempt) : undefined),
      slotsRefreshTimeout: connectTimeoutMs,
      ...(whileAway === 'wait' ? { retryDelayOnClusterDown: 100 } : {}),
      redisOptions: { ...this.#common(), ...(target.isTls ? { tls: {} } : {}) },
    });
    cluster.once('ready', () => {
      hasAnswered = true;
    });
    cluster.on('+node', (node: Redis) => this.#watch.add(node));
    watchPrimaries(cluster, () => {
      if (cluster !== this.#client) return;
      this.#hasLostPrimary = true;
      this.#lost();
    });
    return cluster;
  }

  get #isLazy(): boolean {
    return this.#options.whileAway === 'fail' || this.#credentials === undefined;
  }

  #common() {
    const { whileAway, connectTimeoutMs, retryDelay } = this.#options;
    return {
      // RESP 2: replies have one shape with every store and driver.
      protocol: 2 as const,
      lazyConnect: this.#isLazy,
      maxRetriesPerRequest: whileAway === 'fail' ? 1 : null,
      autoResendUnfulfilledCommands: true,
      enableReadyCheck: whileAway === 'wait',
      retryStrategy: retryDelay,
      // 2: connect again, and send the command again.
      reconnectOnError: (error: Error) => (isFromReplica(error.message) ? (2 as const) : false),
      connectTimeout: connectTimeoutMs,
      keepAlive: 10_000,
      noDelay: true,
      ...this.#credentials,
    } satisfies RedisOptions;
  }
}

function isAboutCredentials(error: Error): boolean {
  return error.name === 'ReplyError' && classOfReply(error.message) === 'credentials';
}
