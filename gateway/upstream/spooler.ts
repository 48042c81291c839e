import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { type SpoolBounds, spoolItems, upstreamLaneOf } from '../../contract/store/scripts/upstream.ts';
import type { Log } from '../../shared/log.ts';
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
    this.#waiting.add({ sender, frame: { version, ref }, lane: upstreamLaneOf(sender.userId), text });
    this.#bytes += text.length;
    sender.uplink.beginSpooling();
    const isFull = this.#waiting.length > WAITING_MAX || this.#bytes > WAITING_MAX_BYTES;
    if (sender.uplink.spooling > SENDER_MAX || isFull) sender.reader.pause(PauseReason.upstream);
  }

  /** Resolves when every item so far is in Redis. */
  idle(): Promise<void> {
    return this.#waiting.idle();
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    for (const { text } of batch) this.#bytes -= text.length;
    this.#reply(batch, await this.#spool(batch));
  }

  /** Tries until Redis has replied: the number of the batch makes that safe. */
  async #spool(batch: readonly Waiting[]): Promise<(string | undefined)[]> {
    const { redis, keys, lease, bounds, log } = this.#parts;
    this.#batches += 1;
    const { gatewayId } = lease;
    for (;;) {
      try {
        return await spoolItems(redis, keys, { gatewayId, number: this.#batches }, bounds, batch);
      } catch (error) {
        log.error({ event: 'spool_failed', error: String(error) }, 'could not spool for the upstream function');
        await setTimeout(RETRY_MS);
      }
    }
  }

  #reply(batch: readonly Waiting[], ids: readonly (string | undefined)[]): void {
    batch.forEach((item, i) => {
      const { uplink, reader } = item.sender;
      uplink.endSpooling();
      if (!item.sender.isClosed) this.#report(item, ids[i]);
      if (ids[i] === undefined) this.#parts.counters.itemsRefused += 1;
      else this.#parts.counters.itemsSpooled += 1;
      if (uplink.spooling <= SENDER_MAX / 2) reader.resume(PauseReason.upstream);
    });
  }

  #report({ sender, frame: { version, ref } }: Waiting, id: string | undefined): void {
    if (id === undefined) sender.reject('upstream_full', version, ref);
    else sendAccepted(sender, version, ref, id);
  }
}

/** Returns how many items go with the next call. */
function batchSize(waiting: readonly Waiting[]): number {
  let bytes = 0;
  let size = 0;
  while (size < waiting.length && size < BATCH && bytes < BATCH_BYTES) {
    bytes += waiting[size]?.text.length ?? 0;
    size += 1;
  }
  return size;
}
