import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { type SpoolBounds, spoolItems, upstreamLaneOf } from '../../contract/store/scripts/upstream.ts';
import { workOf } from '../../contract/store/work.ts';
import type { Refusal } from '../../contract/wire/refusals.ts';
import type { Log } from '../../shared/log.ts';
import { RedisClosedError, RedisReplyError, RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Fifo, TurnBatcher } from '../../shared/time/turn-batcher.ts';
import { PauseReason } from '../session/frame-reader.ts';
import { sendAccepted } from '../session/notices.ts';
import type { Session } from '../session/session.ts';
import type { ApplicationFrame } from './items.ts';

/** Items in one call of the script, and their bytes. */
const BATCH = 256;
const BATCH_BYTES = 1_048_576;
/** A sender with more items than this in flight is not read until half of them are in Redis. */
const SENDER_MAX = 64;
/** The maximum that waits here; a sender that finds it full is not read. */
const WAITING_MAX = 8_192;
const WAITING_MAX_BYTES = 33_554_432;
const RETRY_MS = 200;

interface Waiting {
  sender: Session;
  frame: Pick<ApplicationFrame, 'version' | 'ref'>;
  lane: number;
  text: string;
  bytes: number;
}

interface SpoolerParts {
  redis: RedisPort;
  keys: Keys;
  lease: { readonly gatewayId: string };
  bounds: SpoolBounds;
  counters: { itemsSpooled: number; itemsRefused: number };
  log: Log;
}

/**
 * Items on their way into the spool in Redis: the items of one turn go together, one batch at a time, in the order in which
 * they came. An item counts as accepted (110) when it is there. While Redis is away items wait, and their senders too.
 *
 * A batch that the script refuses is halved until the item at fault is alone: that one is refused, the rest goes on.
 */
export class Spooler {
  readonly #parts: SpoolerParts;
  readonly #waiting: TurnBatcher<Waiting>;
  #bytes = 0;
  #batches = 0;

  constructor(parts: SpoolerParts) {
    this.#parts = parts;
    this.#waiting = new TurnBatcher({ items: new Fifo(batchSize), run: (batch) => this.#run(batch) });
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(sender: Session, frame: ApplicationFrame, text: string): void {
    const { version, ref } = frame;
    const bytes = Buffer.byteLength(text);
    this.#waiting.add({ sender, frame: { version, ref }, lane: upstreamLaneOf(sender.userId), text, bytes });
    this.#bytes += bytes;
    sender.uplink.beginSpooling();
    const isFull = this.#waiting.length > WAITING_MAX || this.#bytes > WAITING_MAX_BYTES;
    if (sender.uplink.spooling > SENDER_MAX || isFull) sender.reader.pause(PauseReason.upstream);
    sender.reader.payForWork(workOf(1, bytes));
  }

  /** Resolves when every item so far is in Redis. */
  idle(): Promise<void> {
    return this.#waiting.idle();
  }

  #run(batch: readonly Waiting[]): Promise<void> {
    for (const { bytes } of batch) this.#bytes -= bytes;
    return this.#spoolOrSplit(batch);
  }

  async #spoolOrSplit(batch: readonly Waiting[]): Promise<void> {
    let ids: (string | undefined)[];
    try {
      ids = await this.#spool(batch);
    } catch (error) {
      if (error instanceof RedisClosedError) return;
      const [first] = batch;
      if (batch.length === 1 && first) return this.#refuse(first, error);
      const half = Math.ceil(batch.length / 2);
      await this.#spoolOrSplit(batch.slice(0, half));
      return this.#spoolOrSplit(batch.slice(half));
    }
    batch.forEach((item, i) => {
      const id = ids[i];
      this.#reply(item, id === undefined ? { refusal: 'upstream_full' } : { id });
    });
  }

  /** Again and again while the store is at fault: the number of the batch makes that safe. Throws when the batch is. */
  async #spool(batch: readonly Waiting[]): Promise<(string | undefined)[]> {
    const { redis, keys, lease, bounds, log } = this.#parts;
    this.#batches += 1;
    const { gatewayId } = lease;
    for (;;) {
      try {
        return await spoolItems(redis, keys, { gatewayId, number: this.#batches }, bounds, batch);
      } catch (error) {
        log.error({ event: 'spool_failed', error: String(error) }, 'could not spool for the upstream function');
        if (!(error instanceof RedisUnavailableError)) throw error;
        await setTimeout(RETRY_MS);
      }
    }
  }

  /** The script does not take this item. */
  #refuse(item: Waiting, cause: unknown): void {
    const isTooLarge = cause instanceof RedisReplyError && cause.errorClass === 'too_large';
    this.#reply(item, { refusal: isTooLarge ? 'upstream_too_large' : 'not_routed' });
  }

  #reply({ sender, frame: { version, ref } }: Waiting, outcome: { id: string } | { refusal: Refusal }): void {
    const { counters } = this.#parts;
    const { uplink, reader } = sender;
    uplink.endSpooling();
    if ('id' in outcome) {
      counters.itemsSpooled += 1;
      if (!sender.isClosed) sendAccepted(sender, version, ref, outcome.id);
    } else {
      counters.itemsRefused += 1;
      if (!sender.isClosed) sender.reject(outcome.refusal, version, ref);
    }
    if (uplink.spooling <= SENDER_MAX / 2) reader.resume(PauseReason.upstream);
  }
}

/** Returns how many items go with the next call. */
function batchSize(waiting: readonly Waiting[]): number {
  let bytes = 0;
  let size = 0;
  while (size < waiting.length && size < BATCH && bytes < BATCH_BYTES) {
    bytes += waiting[size]?.bytes ?? 0;
    size += 1;
  }
  return size;
}
