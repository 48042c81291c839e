import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import type { InboxRecord } from '../../contract/store/records.ts';
import { withdrawnMessages } from '../../contract/store/scripts/withdraw.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/**
 * Functions withdraw what Redis had carried out and not answered for so long that they refused it; what they count on is
 * START_TIMEOUT_MS in functions/runtime/drivers/failures.ts. Sooner than this, nothing that we read can have been withdrawn.
 */
const LATE_MS = 300;
/** When the store stood still: what was sent to it meanwhile, and what was on its way, gets so long. */
const GRACE_MS = 50;
/** Whoever gives a message up has withdrawn it by then: CALL_TIMEOUT_MS there, and a little. */
const GIVEN_UP_MS = 2_000;
/** How much two clocks may drift apart, as a share. */
const DRIFT = 0.001;

export interface Entry {
  readonly id: string;
  readonly records: readonly InboxRecord[];
  readonly unread: readonly UnreadRecord[];
}

/** As it stands in the inbox. */
export interface UnreadRecord {
  readonly field: string;
  readonly body: string;
}

/** Leaves out messages whose request was refused after all. Redis is asked only about entries that come late. */
export class Withdrawals {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #log: Pick<Log, 'info'>;
  /** The shortest way there was from the writing of an entry to us, in the difference of the two clocks. */
  #shortestMs: number | undefined;
  #lookedAtMs = 0;

  constructor(parts: { redis: RedisPort; keys: Keys; log: Pick<Log, 'info'> }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#log = parts.log;
  }

  /** `readMs`: how long the read took that gave the batch. */
  async leftOut(batch: Entry[], readMs: number): Promise<Entry[]> {
    if (!this.#isLate(batch)) return batch;
    const ids = batch.flatMap(({ records }) => records.flatMap((one) => (one.kind === 'message' ? one.head.id : [])));
    const [first, last] = [ids[0], ids.at(-1)];
    if (first === undefined || last === undefined) return batch;
    const withdrawn = await this.#withdrawn(first, last, readMs);
    if (withdrawn.size === 0) return batch;
    this.#log.info({ event: 'withdrawn', messages: withdrawn.size }, 'left out what was refused after all');
    return batch.map(({ id, records, unread }) => ({
      id,
      unread,
      records: records.filter((record) => record.kind !== 'message' || !withdrawn.has(record.head.id)),
    }));
  }

  /** A store that stood still under the question may have answered it ahead of a withdrawal: it is asked again. */
  async #withdrawn(first: string, last: string, readMs: number): Promise<ReadonlySet<string>> {
    const startedAtMs = performance.now();
    for (let tookMs = readMs; ; ) {
      if (tookMs > LATE_MS) await setTimeout(GRACE_MS);
      const askedAtMs = performance.now();
      const withdrawn = await withdrawnMessages(this.#redis, this.#keys, first, last);
      tookMs = performance.now() - askedAtMs;
      if (tookMs <= LATE_MS || askedAtMs - startedAtMs > GIVEN_UP_MS) return withdrawn;
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
    return known === undefined || nowMs - writtenAtMs(oldest) - this.#shortestMs > LATE_MS;
  }
}

/** By Redis's clock. */
function writtenAtMs({ id }: Entry): number {
  return Number(id.split('-', 1)[0]);
}
