import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { type DrainResult, drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import type { Log } from '../../shared/log.ts';
import { BLOCK_MS } from '../../shared/redis/blocking.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { growingPause } from '../../shared/time/growing-pause.ts';

/** Entries in one call of the script, beside the bound of its work: it holds Redis up for one or two milliseconds. */
const BATCH = 250;
/**
 * Calls in flight while the queue is deep and its entries are small: their messages are delivered together, in fewer writes.
 * Redis runs calls that arrive together without a pause, so a call that was ended by the bound of its work is alone.
 */
const DEEP_CALLS = 4;
const RETRY_MS = 1_000;
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 250;

interface QueueDrainParts {
  /** A connection of its own: nothing else may wait behind it. */
  readonly waiter: RedisPort;
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
    readonly maxQueueRecipients: number;
    readonly maxQueueEntryBytes: number;
    readonly maxFrameBytes: number;
  };
  readonly lease: { readonly highestId: number };
  readonly counters: { queueTaken: number; deadLetters: number };
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/**
 * Drains the public queue `front_tcp` into the route script. It waits by moving one entry into a list of its own (of many
 * waiting gateways one is served, the others sleep on); the script takes that entry, and whatever has come behind it.
 */
export class QueueDrain {
  readonly #waiter: RedisPort;
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #config: QueueDrainParts['config'];
  readonly #lease: QueueDrainParts['lease'];
  readonly #counters: QueueDrainParts['counters'];
  readonly #log: QueueDrainParts['log'];
  #isRunning = false;
  #blocks = true;
  #draining: Promise<void> = Promise.resolve();

  constructor(parts: QueueDrainParts) {
    this.#waiter = parts.waiter;
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#counters = parts.counters;
    this.#log = parts.log;
  }

  start(): void {
    this.#isRunning = true;
    void this.#run();
  }

  /** What was begun is finished; the wait itself is cut when its connection closes. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    // An error is for the loop.
    await this.#draining.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const pause = growingPause(POLL_MIN_MS, POLL_MAX_MS);
    while (this.#isRunning) {
      try {
        const came = await this.#turn();
        if (this.#blocks) continue;
        if (came) pause.reset();
        else await setTimeout(pause.next());
      } catch (error) {
        if (!this.#isRunning) return;
        this.#log.warn({ event: 'queue_failed', error: String(error) }, 'could not drain the queue');
        await setTimeout(RETRY_MS);
      }
    }
  }

  /** Takes the present entries, and waits for more. Returns whether any came. */
  async #turn(): Promise<boolean> {
    // On one connection and issued together: they leave in one write, and Redis waits when it has taken what there was.
    this.#draining = this.#drain();
    const [drained, waited] = await Promise.allSettled([this.#draining, this.#wait()]);
    if (drained.status === 'rejected') throw drained.reason;
    if (waited.status === 'rejected') throw waited.reason;
    return waited.value;
  }

  /** Returns whether something came. */
  async #wait(): Promise<boolean> {
    const { queue, queueTaken } = this.#keys;
    if (!this.#blocks) return (await this.#waiter.command('LMOVE', queue, queueTaken, 'RIGHT', 'LEFT')) !== null;
    try {
      return (await this.#waiter.command('BLMOVE', queue, queueTaken, 'RIGHT', 'LEFT', BLOCK_MS / 1_000)) !== null;
    } catch (error) {
      if (!(error instanceof RedisReplyError) || error.errorClass !== 'bug') throw error;
      this.#blocks = false;
      this.#log.warn(
        { event: 'queue_polls', error: String(error) },
        'this store refuses to block: the queue is polled',
      );
      return false;
    }
  }

  /** Of a deep queue the next batches are with Redis already while the reply to the first is on its way. */
  async #drain(): Promise<void> {
    const calls = [this.#take(this.#waiter)];
    for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
      const { taken, dead, left } = await call;
      this.#count(taken, dead);
      if (left === 0 || !this.#isRunning) continue;
      const wanted = taken < BATCH ? 1 : Math.min(DEEP_CALLS, Math.ceil(left / BATCH));
      while (calls.length < wanted) {
        const next = this.#take(this.#redis);
        // Its error is for the loop, which may end before it comes to it.
        next.catch(() => undefined);
        calls.push(next);
      }
    }
  }

  #take(redis: RedisPort): Promise<DrainResult> {
    const { offlineTtlSeconds, mailboxMax, mailboxMaxBytes, maxQueueRecipients, maxQueueEntryBytes } = this.#config;
    return drainQueue(redis, this.#keys, {
      offlineTtlSeconds,
      mailboxMax,
      mailboxMaxBytes,
      maxEntries: BATCH,
      maxRecipients: maxQueueRecipients,
      maxEntryBytes: maxQueueEntryBytes,
      maxFrameBytes: this.#config.maxFrameBytes,
      highestId: this.#lease.highestId,
    });
  }

  #count(taken: number, dead: number): void {
    this.#counters.queueTaken += taken;
    this.#counters.deadLetters += dead;
    if (dead > 0) this.#log.warn({ event: 'dead_letters', count: dead }, 'queue entries went to the dead-letter list');
  }
}
