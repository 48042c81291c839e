import type { Keys } from '../../contract/store/keys.ts';
import { type Reply, writeReplies } from '../../contract/store/scripts/asks.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/** Replies and bytes of one call of the script. */
const BATCH = 256;
const BATCH_BYTES = 524_288;

/** Replies of clients on their way to the receipts of their asks: those of one turn leave together, in order. */
export class Replies {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #log: Pick<Log, 'error'>;
  #waiting: Reply[] = [];
  /** Of the replies gathered so far, and of all before them. */
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: { redis: RedisPort; keys: Keys; log: Pick<Log, 'error'> }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#log = parts.log;
  }

  /** Resolves when it is written, or was given up: a reply is as good as lost when nobody waits for it any more. Does not reject. */
  add(reply: Reply): Promise<void> {
    this.#waiting.push(reply);
    this.#next ??= new Promise((resolve) => setImmediate(() => void this.#write().then(resolve)));
    return this.#next;
  }

  /** Resolves when everything added so far is written. */
  async idle(): Promise<void> {
    await this.#next;
    await this.#writing;
  }

  #write(): Promise<void> {
    const replies = this.#waiting;
    this.#waiting = [];
    this.#next = undefined;
    const written = this.#writeAll(replies);
    this.#writing = Promise.all([this.#writing, written]).then(() => undefined);
    return written;
  }

  async #writeAll(replies: readonly Reply[]): Promise<void> {
    try {
      await Promise.all(batchesOf(replies).map((batch) => writeReplies(this.#redis, this.#keys, batch)));
    } catch (error) {
      this.#log.error({ event: 'store_failed', what: 'reply', error: String(error) }, 'a script failed');
    }
  }
}

function batchesOf(replies: readonly Reply[]): Reply[][] {
  const batches: Reply[][] = [];
  let bytes = 0;
  for (const reply of replies) {
    bytes += reply.reply.length;
    const last = batches.at(-1);
    if (last && last.length < BATCH && bytes <= BATCH_BYTES) last.push(reply);
    else {
      batches.push([reply]);
      bytes = reply.reply.length;
    }
  }
  return batches;
}
