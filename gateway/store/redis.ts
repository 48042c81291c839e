import { setTimeout } from 'node:timers/promises';
import type { Log } from '../../shared/log.ts';
import { BLOCK_MS } from '../../shared/redis/blocking.ts';
import { RedisClient } from '../../shared/redis/client.ts';
import type { CredentialSource } from '../../shared/redis/credential-source.ts';
import { RedisClosedError, RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../shared/redis/port.ts';
import { type Credentials, parseRedisUrl } from '../../shared/redis/target.ts';
import { backoffMs } from '../../shared/time/backoff.ts';
import { credentialsOf, type StoreSettings } from './credentials.ts';
import { StoreUse } from './store-use.ts';

/**
 * Redis as the gateway uses it. Commands wait while Redis is away or refuses us, in order, and those without a reply are
 * sent again first: whatever is issued here must bear to be run twice.
 */
export interface GatewayRedis extends RedisPort {
  /** A connection of its own, for a command that blocks: for BLOCK_MS at most. */
  blocking(): GatewayRedis;
  /** Called whenever the connection is there again after it was lost. */
  onReturn(listener: () => void): void;
  readonly use: StoreUse;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;
/** Within the 5 s of docs/runbook.md: a connection that hangs is found and made anew. Lease and renewal bear two of these. */
const SILENCE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_500;

export function connectRedis(config: StoreSettings, log: Log): GatewayRedis {
  const parts = { config, credentials: credentialsOf(config), log, use: new StoreUse() };
  return new WaitingRedis(parts, { blocks: false });
}

interface StoreConnectionParts {
  readonly config: StoreSettings;
  /** Shared by all connections: a rotated secret is read once. */
  readonly credentials: CredentialSource<Credentials | undefined>;
  readonly log: Log;
  readonly use: StoreUse;
}

class WaitingRedis implements GatewayRedis {
  readonly use: StoreUse;
  readonly #parts: StoreConnectionParts;
  /** What waits for something to come says nothing about the store's speed. */
  readonly #blocks: boolean;
  readonly #client: RedisClient;
  readonly #returned: (() => void)[] = [];
  /** Until it is over nothing is sent: commands go on in the order in which they were issued. */
  #isPaused = false;
  #pauses = 0;
  /** Commands that were refused, or issued during the pause. */
  #waiting: { readonly number: number; readonly goOn: () => void }[] = [];
  #issued = 0;
  #wasLost = false;
  /** What the store could not do, and was logged; one line per outage, not per attempt. */
  #trouble: string | undefined;
  /** Numbers of the commands that it was too full for, and that are tried again: the outage lasts until there are none. */
  readonly #tooFullFor = new Set<number>();
  #closed = false;

  constructor(parts: StoreConnectionParts, { blocks }: { blocks: boolean }) {
    const { config, credentials, use } = parts;
    this.use = use;
    this.#parts = parts;
    this.#blocks = blocks;
    this.#client = new RedisClient({
      target: parseRedisUrl(config.url),
      isCluster: config.cluster,
      credentials,
      whileAway: 'wait',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      silenceMs: blocks ? BLOCK_MS + SILENCE_MS : SILENCE_MS,
      gather: process.nextTick,
      retryDelay,
      onError: (error) => {
        use.failed();
        this.#away('store_unavailable', error.message);
      },
      onClose: () => {
        this.#wasLost = true;
      },
      onReady: () => this.#ready(),
    });
    if (credentials.current === undefined) void this.#pauseFor(this.#renewed(1));
  }

  onReturn(listener: () => void): void {
    this.#returned.push(listener);
  }

  blocking(): GatewayRedis {
    return new WaitingRedis(this.#parts, { blocks: true });
  }

  async command(name: string, ...args: RedisArgument[]): Promise<RedisReply> {
    const startedAt = performance.now();
    this.#issued += 1;
    const number = this.#issued;
    for (let attempt = 1; ; attempt += 1) {
      while (this.#isPaused) await this.#endOfPause(number);
      if (this.#closed) throw new RedisClosedError('the connection to Redis was closed');
      try {
        const reply = await this.#client.command(name, ...args);
        if (!this.#blocks) this.use.commandMs.record(performance.now() - startedAt);
        if (this.#trouble !== undefined) this.#succeeded(number);
        return reply;
      } catch (error) {
        if (this.#closed) throw new RedisClosedError('the connection to Redis was closed', { cause: error });
        if (!(error instanceof RedisUnavailableError)) {
          this.#tooFullFor.delete(number);
          throw error;
        }
        this.use.failed();
        if (error.isRefusal) this.#away(error.reason, error.message);
        // A full store refuses only what makes it fuller: that waits alone, and everything else goes on.
        if (error.reason === 'store_full') {
          this.#tooFullFor.add(number);
          await setTimeout(retryDelay(attempt), undefined, { ref: false });
        } else if (!this.#isPaused) void this.#pauseFor(this.#untilNextAttempt(error));
      }
    }
  }

  async pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]> {
    // Not ioredis's pipeline(): its commands are given up, not sent again, when the connection breaks.
    return Promise.all(commands.map(([name, ...args]) => this.command(String(name), ...args)));
  }

  async script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const startedAt = performance.now();
    try {
      return await this.#client.script(script, keys, args, (name, ...rest) => this.command(name, ...rest));
    } finally {
      this.use.ran(script.name, performance.now() - startedAt);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client.close();
  }

  #endOfPause(number: number): Promise<void> {
    return new Promise((goOn) => {
      this.#waiting.push({ number, goOn });
    });
  }

  async #pauseFor(over: Promise<void>): Promise<void> {
    this.#isPaused = true;
    await over;
    this.#isPaused = false;
    // One that was refused had been issued before those that began to wait meanwhile.
    const waiting = this.#waiting.toSorted((a, b) => a.number - b.number);
    this.#waiting = [];
    for (const { goOn } of waiting) goOn();
  }

  #untilNextAttempt({ reason }: RedisUnavailableError): Promise<void> {
    this.#pauses += 1;
    if (reason === 'store_credentials') return this.#renewed(this.#pauses);
    return setTimeout(retryDelay(this.#pauses), undefined, { ref: false });
  }

  /** Does not reject: what could not be read is read again with the next refusal. */
  async #renewed(attempt: number): Promise<void> {
    try {
      await this.#client.renewCredentials();
    } catch (error) {
      this.#away('store_credentials', error instanceof Error ? error.message : String(error));
    }
    const hasCredentials = this.#parts.credentials.current !== undefined;
    await setTimeout(retryDelay(attempt), undefined, { ref: false });
    if (!hasCredentials && !this.#closed) return this.#renewed(attempt + 1);
  }

  #away(reason: string, error: string): void {
    if (this.#trouble === reason) return;
    this.#trouble = reason;
    this.#parts.log.warn({ event: 'redis_away', reason, error }, 'Redis is unreachable or refuses commands');
  }

  #succeeded(number: number): void {
    this.#tooFullFor.delete(number);
    if (this.#trouble !== 'store_full' || this.#tooFullFor.size === 0) this.#back();
  }

  #back(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#tooFullFor.clear();
    this.#pauses = 0;
    this.#parts.log.info({ event: 'redis_back' }, 'Redis replies again');
  }

  #ready(): void {
    if (!this.#wasLost) return;
    this.#wasLost = false;
    this.use.reconnected();
    this.#back();
    if (!this.#closed) for (const listener of this.#returned) listener();
  }
}

function retryDelay(attempt: number): number {
  return backoffMs(attempt, RETRY_MIN_MS, RETRY_MAX_MS);
}
