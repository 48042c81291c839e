import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import type { InboxRecord } from '../../contract/store/records.ts';
import { withdrawnMessages } from '../../contract/store/scripts/withdraw.ts';
import { sentAtMs } from '../../contract/wire/message.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/**
 * A function revokes a message when it refused the request, because Redis did not reply in time, and Redis carried the command
 * out all the same. It waits for START_TIMEOUT_MS of functions/runtime/drivers/failures.ts: an entry that is read sooner than this
 * after it was written cannot have been revoked.
 */
const LATE_MS = 300;
/** After the store stood still, commands that were sent meanwhile or were on their way get this time to arrive. */
const GRACE_MS = 50;
/** A function that gives a message up has revoked it by then: CALL_TIMEOUT_MS there, and a little. */
const GIVEN_UP_MS = 2_000;
/** The share by which two clocks may drift apart. */
const DRIFT = 0.001;

export interface Entry {
  readonly id: string;
  readonly records: readonly InboxRecord[];
  readonly unread: readonly UnreadRecord[];
}

/** As in the inbox. */
export interface UnreadRecord {
  readonly field: string;
  readonly body: string;
}

/** Leaves out messages that were revoked. Redis is asked only about entries that come late. */
export class Revocations {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #log: Pick<Log, 'info'>;
  /** The shortest time from the writing of an entry to its arrival here, by the difference of the two clocks. */
  #shortestMs: number | undefined;
  #lookedAtMs = 0;

  constructor(parts: { redis: RedisPort; keys: Keys; log: Pick<Log, 'info'> }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#log = parts.log;
  }

  /** `readMs`: how long the read took that gave the batch. */
  async excludeRevoked(batch: Entry[], readMs: number): Promise<Entry[]> {
    if (!this.#isLate(batch)) return batch;
    const ids = batch.flatMap(({ records }) => records.flatMap((one) => (one.kind === 'message' ? one.head.id : [])));
    const [first, last] = [ids[0], ids.at(-1)];
    if (first === undefined || last === undefined) return batch;
    const revoked = await this.#revoked(first, last, readMs);
    if (revoked.size === 0) return batch;
    this.#log.info(
      { event: 'withdrawn', messages: revoked.size },
      'left out messages whose request was refused after all',
    );
    return batch.map(({ id, records, unread }) => ({
      id,
      unread,
      records: records.filter((record) => record.kind !== 'message' || !revoked.has(record.head.id)),
    }));
  }

  /** A store that stood still during the question may have replied ahead of a revocation: it is asked again. */
  async #revoked(first: string, last: string, readMs: number): Promise<ReadonlySet<string>> {
    const startedAtMs = performance.now();
    for (let tookMs = readMs; ; ) {
      if (tookMs > LATE_MS) await setTimeout(GRACE_MS);
      const askedAtMs = performance.now();
      const revoked = await withdrawnMessages(this.#redis, this.#keys, first, last);
      tookMs = performance.now() - askedAtMs;
      if (tookMs <= LATE_MS || askedAtMs - startedAtMs > GIVEN_UP_MS) return revoked;
    }
  }

  #isLate(batch: readonly Entry[]): boolean {
    const [oldest, newest] = [batch[0], batch.at(-1)];
    if (oldest === undefined || newest === undefined) return false;
    const nowMs = performance.now();
    const known = this.#shortestMs;
    const drifted = known === undefined ? Number.POSITIVE_INFINITY : known + (nowMs - this.#lookedAtMs) * DRIFT;
    this.#shortestMs = Math.min(drifted, nowMs - writtenAtMs(newest));
    this.#lookedAtMs = nowMs;
    return known === undefined || nowMs - begunAtMs(oldest) - this.#shortestMs > LATE_MS;
  }
}

/** By Redis's clock. */
function writtenAtMs({ id }: Entry): number {
  return Number(id.split('-', 1)[0]);
}

/** When the script began that wrote the entry: a store that stood still within the script writes late. */
function begunAtMs(entry: Entry): number {
  const first = entry.records.find((record) => record.kind === 'message');
  return first === undefined ? writtenAtMs(entry) : Math.min(writtenAtMs(entry), sentAtMs(first.head.id));
}
