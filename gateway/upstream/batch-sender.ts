import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { moveLifecyclePosition, removeItems } from '../../contract/store/scripts/upstream.ts';
import { UPSTREAM_BATCH_BYTES, UPSTREAM_BATCH_ITEMS } from '../../contract/upstream.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { backoffMs } from '../../shared/time/backoff.ts';
import type { UpstreamCounters } from './counters.ts';
import { InvocationError, type Invoker } from './invoker.ts';
import type { Lane, LaneItem } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { UpstreamSettings } from './settings.ts';

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 10_000;
/** Maximum of items that no function can take; the latest are kept for inspection. */
const DEAD_MAX = 1_000;

interface BatchSenderParts {
  redis: RedisPort;
  keys: Keys;
  lease: { readonly gatewayId: string; readonly isHeld: boolean };
  lanes: Pick<Lanes, 'usable' | 'isOurs'>;
  invoker: Pick<Invoker, 'hand'>;
  settings: Pick<UpstreamSettings, 'functionName' | 'lifecycleFunction' | 'batchMs' | 'timeoutMs'>;
  counters: Pick<
    UpstreamCounters,
    'batches' | 'batchFailures' | 'itemsHandedOn' | 'itemsDead' | 'lifecycleHandedOn' | 'failed'
  >;
  log: Log;
  /** A lane has room again. */
  onRoom: () => void;
}

interface Batch {
  id: string;
  kind: 'items' | 'lifecycle' | 'gap';
  functionName: string;
  lanes: Lane[];
  items: LaneItem[];
}

/**
 * Gathers the items of idle lanes into asynchronous invocations: as many lanes together as a batch has room for,
 * sent when it is full or its first item has waited long enough. A lane is in one batch at a time, and that batch is
 * tried until Lambda has taken it: so the order of a lane holds. Then its items are removed from Redis.
 */
export class BatchSender {
  readonly #parts: BatchSenderParts;
  readonly #stopping = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #batches = 0;

  constructor(parts: BatchSenderParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** To be called when items came or a lane became idle. */
  sendDue(): void {
    clearTimeout(this.#timer);
    if (this.#stopping.signal.aborted) return;
    const idle = [...this.#parts.lanes.usable()].filter((lane) => !lane.isInFlight && lane.items.length > 0);
    const waits = [
      this.#sendDueOf(
        'items',
        idle.filter((lane) => !lane.isLifecycle),
      ),
      this.#sendDueOf(
        'lifecycle',
        idle.filter((lane) => lane.isLifecycle),
      ),
    ];
    const waitMs = Math.min(...waits);
    if (Number.isFinite(waitMs)) this.#timer = globalThis.setTimeout(() => this.sendDue(), waitMs);
  }

  /** Waits for invocations in flight; batches between two attempts stay in Redis. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#inFlight);
  }

  /** Sends due batches. Returns in how many ms the rest will be due. */
  #sendDueOf(kind: 'items' | 'lifecycle', idle: Lane[]): number {
    const { settings } = this.#parts;
    const functionName = kind === 'items' ? settings.functionName : settings.lifecycleFunction;
    if (functionName === undefined) return Number.POSITIVE_INFINITY;
    let lanes = idle.sort((a, b) => readAt(a) - readAt(b));
    for (let [oldest] = lanes; oldest !== undefined; [oldest] = lanes) {
      const items = lanes.reduce((sum, lane) => sum + lane.items.length, 0);
      const bytes = lanes.reduce((sum, lane) => sum + lane.bytes, 0);
      const waitMs = readAt(oldest) + settings.batchMs - performance.now();
      if (waitMs > 0 && items < UPSTREAM_BATCH_ITEMS && bytes < UPSTREAM_BATCH_BYTES) return Math.ceil(waitMs);
      const batch = this.#gather(kind, functionName, lanes);
      this.#run(batch);
      lanes = lanes.filter((lane) => !lane.isInFlight);
    }
    return Number.POSITIVE_INFINITY;
  }

  #gather(kind: 'items' | 'lifecycle', functionName: string, from: readonly Lane[]): Batch {
    this.#batches += 1;
    const id = `${this.#parts.lease.gatewayId}-${this.#batches}`;
    const batch: Batch = { id, kind, functionName, lanes: [], items: [] };
    let bytes = 0;
    for (const lane of from) {
      let taken = 0;
      let laneBytes = 0;
      for (const item of lane.items) {
        const isFirst = batch.items.length + taken === 0;
        // A gap is an event of its own kind.
        if (!isFirst && (item.isGap || batch.kind === 'gap')) break;
        if (item.isGap) batch.kind = 'gap';
        const hasRoom =
          batch.items.length + taken < UPSTREAM_BATCH_ITEMS && bytes + laneBytes + item.bytes < UPSTREAM_BATCH_BYTES;
        if (!isFirst && !hasRoom) break;
        taken += 1;
        laneBytes += item.bytes + 1;
      }
      if (taken === 0) break;
      const items = lane.beginBatch(taken);
      batch.lanes.push(lane);
      batch.items.push(...items);
      bytes += laneBytes;
    }
    return batch;
  }

  #run(batch: Batch): void {
    const done = this.#deliver(batch, batch.items)
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#parts.log.error({ event: 'batch_failed', error: String(error) }, 'could not finish a batch');
      })
      .finally(() => {
        this.#inFlight.delete(done);
        for (const lane of batch.lanes) lane.endBatch();
        this.#parts.onRoom();
        this.sendDue();
      });
    this.#inFlight.add(done);
  }

  /** Until Lambda has them, in order. Those of lanes that another gateway may have now are left to it. */
  async #deliver(batch: Batch, given: readonly LaneItem[]): Promise<void> {
    let items = given;
    for (let attempt = 1; ; attempt += 1) {
      const ours = new Set(batch.lanes.filter((lane) => this.#parts.lanes.isOurs(lane)).map(({ index }) => index));
      items = items.filter(({ lane }) => ours.has(lane));
      if (items.length === 0 || this.#stopping.signal.aborted) return;
      try {
        if (await this.#handOn(batch, items)) return;
      } catch (error) {
        if (!(error instanceof InvocationError)) throw error;
        this.#count(error);
        if (error.failure === 'upstream_too_large') return this.#divide(batch, items);
        this.#reportFailure(batch, attempt, error);
      }
      const pauseMs = backoffMs(attempt, RETRY_MIN_MS, RETRY_MAX_MS);
      await setTimeout(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** False: not sent, as another gateway may have a lane of it now. */
  async #handOn({ id, kind, functionName, lanes }: Batch, items: readonly LaneItem[]): Promise<boolean> {
    const { redis, keys, invoker, settings, counters, lease } = this.#parts;
    const given = new Set(items.map(({ lane }) => lane));
    const isOurs = () =>
      lease.isHeld && lanes.every((lane) => !given.has(lane.index) || this.#parts.lanes.isOurs(lane));
    const list = items.map(({ text }) => text).join(',');
    const members = kind === 'gap' ? list : `"items":[${list}]`;
    const payload = `{"fronttcp":1,"kind":"${kind}","batch":"${id}",${members}}`;
    if (!(await invoker.hand(functionName, payload, AbortSignal.timeout(settings.timeoutMs), isOurs))) return false;
    counters.batches += 1;
    if (kind === 'items') {
      counters.itemsHandedOn += items.length;
      await removeItems(redis, keys, items);
    } else if (kind === 'lifecycle') {
      counters.lifecycleHandedOn += items.length;
      await moveLifecyclePosition(redis, keys, items.at(-1)?.id ?? '0-0');
    }
    return true;
  }

  /** Lambda's bound is lower than ours here: halves, down to one item, which is put aside. */
  async #divide(batch: Batch, items: readonly LaneItem[]): Promise<void> {
    const { redis, keys, counters, log } = this.#parts;
    if (items.length > 1) {
      const middle = Math.ceil(items.length / 2);
      await this.#deliver(batch, items.slice(0, middle));
      return this.#deliver(batch, items.slice(middle));
    }
    counters.itemsDead += 1;
    log.error(
      { event: 'item_too_large', lane: items[0]?.lane, bytes: items[0]?.bytes },
      'an item is too large for any function',
    );
    await redis.command('LPUSH', keys.upstreamDead, ...items.map(({ text }) => text));
    await redis.command('LTRIM', keys.upstreamDead, 0, DEAD_MAX - 1);
    await removeItems(redis, keys, items);
  }

  #count({ failure }: InvocationError): void {
    this.#parts.counters.batchFailures += 1;
    this.#parts.counters.failed(failure);
  }

  /** One line per outage and batch: the first failure, and every tenth. */
  #reportFailure(batch: Batch, attempt: number, error: InvocationError): void {
    if (attempt % 10 !== 1) return;
    this.#parts.log.warn(
      { event: 'invocation_failed', function: batch.functionName, batch: batch.id, attempt, error: error.message },
      'could not invoke the upstream function; it is tried again',
    );
  }
}

function readAt(lane: Lane): number {
  return lane.items[0]?.readAtMs ?? Number.POSITIVE_INFINITY;
}
