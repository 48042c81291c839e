import { setTimeout as sleep } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { listOf, tupleOf } from '../../contract/store/redis-reply.ts';
import { type AskState, ReceiptChange, readAskStates } from '../../contract/store/scripts/asks.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { growingPause } from '../../shared/time/growing-pause.ts';
import type { Log } from '../runtime/log.ts';

/** Time that one read blocks, ms. */
const BLOCK_MS = 2_000;
/** A blocking connection that was idle for longer may have broken while its sandbox was frozen: it is reopened, ms. */
const REOPEN_AFTER_MS = 10_000;
const RETRY_MS = 200;
/** A store without blocking reads is polled with growing pauses, one call for all waits of this instance, ms. */
const POLL_MIN_MS = 20;
const POLL_MAX_MS = 500;
const COUNT = 1_000;

interface Ask {
  readonly id: string;
  readonly userId: string;
}

interface Waiting {
  readonly ask: Ask;
  readonly isOver: (state: AskState | undefined) => boolean;
  readonly resolve: (state: AskState | undefined) => void;
  timer?: NodeJS.Timeout;
  /** Its time is over. Set by the timer alone: a timer may fire before the clock has reached its time. */
  isLate: boolean;
  /** The last state that was read. */
  state: AskState | undefined;
}

/**
 * All calls of one function instance that wait for a step of a receipt. Scripts write the new state of a message into the
 * stream of this instance (`waits:<instance>`) together with its receipt; one blocking read serves all calls. Nothing depends on
 * an entry: the receipt is read once more before a call gives up. So a lost entry (a frozen sandbox, a failover) costs time, and
 * never makes a result wrong.
 */
export class StepWaits {
  /** Names the stream of this instance. */
  readonly instance = crypto.randomUUID();
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #log: Log;
  readonly #waiting = new Map<string, Set<Waiting>>();
  #woken = new Set<Waiting>();
  #isChecking = false;
  #isListening = false;
  #reader: RedisPort | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #position = '0';

  constructor({ redis, keys, log }: { redis: RedisPort; keys: Keys; log: Log }) {
    this.#redis = redis;
    this.#keys = keys;
    this.#log = log;
  }

  /**
   * Resolves with the state of the ask when `isOver` returns true, or with the last known one after `timeoutMs`.
   * `looksAtOnce`: the step may have been reached before this instance was registered for it.
   * Undefined: there is no receipt, or Redis could not be asked. Does not reject.
   */
  wait(ask: Ask, isOver: Waiting['isOver'], timeoutMs: number, looksAtOnce: boolean): Promise<AskState | undefined> {
    return new Promise((resolve) => {
      const waiting: Waiting = { ask, isOver, resolve, isLate: false, state: undefined };
      waiting.timer = setTimeout(() => {
        waiting.isLate = true;
        this.#wake([waiting]);
      }, timeoutMs);
      const same = this.#waiting.get(ask.id) ?? new Set();
      this.#waiting.set(ask.id, same.add(waiting));
      if (looksAtOnce) this.#wake([waiting]);
      void this.#listen();
    });
  }

  /** Reads receipts now, once for all calls that were woken in this turn. */
  wakeAll(): void {
    for (const same of this.#waiting.values()) this.#wake(same);
  }

  #wake(some: Iterable<Waiting>): void {
    for (const waiting of some) this.#woken.add(waiting);
    if (this.#isChecking) return;
    this.#isChecking = true;
    setImmediate(() => void this.#check());
  }

  async #check(): Promise<void> {
    while (this.#woken.size > 0) {
      const woken = [...this.#woken];
      this.#woken = new Set();
      const states = await this.#read(woken.map(({ ask }) => ask));
      for (const [at, waiting] of woken.entries()) {
        if (states) waiting.state = states[at];
        if (waiting.isLate || (states && waiting.isOver(waiting.state))) this.#end(waiting, waiting.state);
      }
    }
    this.#isChecking = false;
  }

  async #read(asks: readonly Ask[]): Promise<(AskState | undefined)[] | undefined> {
    try {
      return await readAskStates(this.#redis, this.#keys, asks);
    } catch (error) {
      this.#warn(error);
      return undefined;
    }
  }

  #end(waiting: Waiting, state: AskState | undefined): void {
    clearTimeout(waiting.timer);
    this.#woken.delete(waiting);
    const same = this.#waiting.get(waiting.ask.id);
    same?.delete(waiting);
    if (same?.size === 0) this.#waiting.delete(waiting.ask.id);
    waiting.resolve(state);
  }

  /** Reads the stream while any call waits. */
  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    const pause = growingPause(POLL_MIN_MS, POLL_MAX_MS);
    while (this.#waiting.size > 0) {
      try {
        const changes = await this.#next();
        if (changes.length > 0) pause.reset();
        for (const change of changes) this.#take(change);
        if (this.#reader === undefined && this.#waiting.size > 0) await sleep(pause.next());
      } catch (error) {
        this.#warn(error);
        // Entries written meanwhile may be lost, and another server may restart its entry ids.
        await this.#closeReader();
        this.#position = '0';
        this.wakeAll();
        await sleep(RETRY_MS);
      }
    }
    this.#isListening = false;
  }

  #take(change: ReceiptChange): void {
    for (const waiting of this.#waiting.get(change.id) ?? []) {
      const state = change.stateOf(waiting.ask.userId);
      if (state === undefined) this.#wake([waiting]);
      else if (waiting.isOver(state)) this.#end(waiting, state);
    }
  }

  /** None after a while without any. */
  async #next(): Promise<ReceiptChange[]> {
    if (this.#reader !== undefined && performance.now() - this.#readAtMs > REOPEN_AFTER_MS) await this.#closeReader();
    this.#reader ??= this.#redis.openBlocking?.(BLOCK_MS);
    const block = this.#reader === undefined ? [] : ['BLOCK', BLOCK_MS];
    const from = ['STREAMS', this.#keys.waits(this.instance), this.#position];
    const reply = await (this.#reader ?? this.#redis).command('XREAD', 'COUNT', COUNT, ...block, ...from);
    this.#readAtMs = performance.now();
    const entries = listOf(reply ?? []).flatMap((stream) => tupleOf(stream, 'text', 'entries')[1]);
    this.#position = entries.at(-1)?.[0] ?? this.#position;
    return entries.map(([, fields]) => new ReceiptChange(fields));
  }

  async #closeReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close();
  }

  #warn(error: unknown): void {
    this.#log.warn({ event: 'wait_failed', error: String(error) }, 'could not read what calls wait for');
  }

  async close(): Promise<void> {
    await this.#closeReader();
  }
}
