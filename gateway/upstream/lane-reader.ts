import { setTimeout } from 'node:timers/promises';
import { compareEntryIds } from '../../contract/store/entry-ids.ts';
import { entriesOf, streamsOf } from '../../contract/store/redis-reply.ts';
import { lifecycleItemOf, UPSTREAM_BATCH_BYTES, UPSTREAM_BATCH_ITEMS } from '../../contract/upstream.ts';
import type { Log } from '../../shared/log.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { ReadCount } from '../../shared/redis/read-count.ts';
import { growingPause } from '../../shared/time/growing-pause.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';

/** How long a read waits: a lane that is taken over meanwhile is read after it, ms. */
const BLOCK_MS = 1_000;
const RETRY_MS = 500;
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 250;

/** The stream had no event when they were first asked for. */
const FROM_THE_START = '0-0';

interface LaneReaderParts {
  /** A connection of its own. */
  redis: RedisPort;
  lanes: Pick<Lanes, 'usable'>;
  counters: { lifecycleGaps: number };
  log: Log;
  onItems: () => void;
}

/** Reads ahead in the lanes of this gateway, in bounded parts, to about one batch of each: the rest waits in Redis. */
export class LaneReader {
  readonly #parts: LaneReaderParts;
  readonly #count = new ReadCount();
  #isRunning = false;
  #blocks = true;
  #wake: (() => void) | undefined;

  constructor(parts: LaneReaderParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isRunning = true;
    void this.#run();
  }

  stop(): void {
    this.#isRunning = false;
    this.wake();
  }

  /** There is room again, or another lane. */
  wake(): void {
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const pause = growingPause(POLL_MIN_MS, POLL_MAX_MS);
    while (this.#isRunning) {
      const usable = [...this.#parts.lanes.usable()];
      const open = usable.filter(hasRoom);
      // Only when all are read can one wait for whichever is written first.
      const mayBlock = this.#blocks && open.length === usable.length;
      const found = open.length === 0 ? 0 : await this.#read(open, mayBlock);
      if (found > 0) {
        pause.reset();
        this.#parts.onItems();
      } else if (open.length === 0 || !mayBlock) {
        await this.#pause(pause.next());
      }
    }
  }

  async #read(lanes: readonly Lane[], mayBlock: boolean): Promise<number> {
    const block = mayBlock ? ['BLOCK', BLOCK_MS] : [];
    const streams = [...lanes.map(({ key }) => key), ...lanes.map(({ position }) => position)];
    try {
      const count = Math.min(UPSTREAM_BATCH_ITEMS, this.#count.of(lanes.length));
      const reply = await this.#parts.redis.command('XREAD', 'COUNT', count, ...block, 'STREAMS', ...streams);
      const read = streamsOf(reply);
      this.#count.adapt(read.flatMap(([, entries]) => entries));
      let found = 0;
      for (const [key, entries] of read) {
        const lane = lanes.find((candidate) => candidate.key === key);
        if (lane?.isLifecycle) await this.#noteGap(lane);
        if (lane) for (const [id, fields] of entries) this.#take(lane, id, fields);
        found += entries.length;
      }
      return found;
    } catch (error) {
      if (!this.#isRunning) return 0;
      const refusesToBlock = mayBlock && error instanceof RedisReplyError && error.errorClass === 'bug';
      if (refusesToBlock) this.#blocks = false;
      this.#parts.log.warn(
        { event: 'lanes_read_failed', error: String(error), polls: !this.#blocks },
        'could not read the upstream lanes',
      );
      if (!refusesToBlock) await setTimeout(RETRY_MS);
      return 0;
    }
  }

  /**
   * The stream keeps a bounded number of events. When the one at our position has been removed, those behind it may have
   * been removed too. The gap is put into the lane before what follows, and does not move the stored position: a gateway
   * that takes over finds it again.
   */
  async #noteGap(lane: Lane): Promise<void> {
    const after = lane.position;
    if (after === FROM_THE_START) return;
    const reply = await this.#parts.redis.command('XRANGE', lane.key, '-', '+', 'COUNT', 1);
    const before = entriesOf(reply)[0]?.[0];
    if (before === undefined || compareEntryIds(before, after) <= 0) return;
    this.#parts.counters.lifecycleGaps += 1;
    this.#parts.log.error(
      { event: 'lifecycle_gap', after, before },
      'lifecycle events were removed before the function had them',
    );
    const text = JSON.stringify({ after, before }).slice(1, -1);
    const bytes = Buffer.byteLength(text);
    lane.read(after, { lane: lane.index, id: after, text, bytes, readAtMs: performance.now(), isGap: true });
  }

  #take(lane: Lane, id: string, fields: string[]): void {
    const text = lane.isLifecycle ? this.#lifecycleText(id, fields) : fields[1];
    if (text === undefined) return lane.read(id, undefined);
    const bytes = Buffer.byteLength(text);
    lane.read(id, { lane: lane.index, id, text, bytes, readAtMs: performance.now() });
  }

  #lifecycleText(id: string, fields: readonly string[]): string | undefined {
    try {
      return JSON.stringify(lifecycleItemOf(id, fields));
    } catch (error) {
      this.#parts.log.error(
        { event: 'lifecycle_refused', entry: id, error: String(error) },
        'an event has an unknown format',
      );
      return undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await setTimeout(ms, undefined, { signal: woken.signal }).catch(() => undefined);
    this.#wake = undefined;
  }
}

function hasRoom(lane: Lane): boolean {
  return lane.items.length < UPSTREAM_BATCH_ITEMS && lane.bytes < UPSTREAM_BATCH_BYTES;
}
