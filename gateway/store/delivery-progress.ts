import type { Keys } from '../../contract/store/keys.ts';
import type { MessageHead, Recipient } from '../../contract/store/records.ts';
import type { DeliveryStep } from '../../contract/store/scripts/receipts.ts';
import { type Progress, progressWork, type Reply, writeProgress } from '../../contract/store/scripts/settle.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { GatheredWrites } from './gathered-writes.ts';
import { CALL_BYTES, ID_BYTES, type RecentCalls } from './recent-calls.ts';

interface DeliveryProgressParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly recent: Pick<RecentCalls, 'make'>;
  readonly counters: { repliesWritten(replies: number, counted: number): void };
  readonly log: Pick<Log, 'error'>;
}

/** A little more than the longest time that a caller waits for an acknowledgement (MAX_WAIT_SECONDS). */
const AWAITED_MS = 30_000;
/** When this many calls wait, every acknowledgement is taken for an awaited one. */
const AWAITED_MAX = 16_384;

/**
 * What becomes of messages, on its way into their receipts and mailboxes: written, expired, replied to, acknowledged. It is
 * written in the order in which it happened, because later steps build on earlier ones. Nothing here rejects.
 */
export class DeliveryProgress {
  readonly #writes: GatheredWrites<Progress>;
  /** Messages whose acknowledgement a caller waits for, and when each was written. */
  readonly #awaited = new Map<string, number>();

  constructor({ redis, keys, recent, counters, log }: DeliveryProgressParts) {
    this.#writes = new GatheredWrites({
      what: 'settle',
      workOf: progressWork,
      write: async (step, isRepeated) => {
        const results = await recent.make(bytesOf(step), (call) => writeProgress(redis, keys, step, call));
        const replies = results.filter((_, i) => 'ask' in (step[i] ?? {}));
        const counted = replies.filter(Boolean).length;
        // One that counted before does not count again, and was not passed over.
        if (replies.length > 0) counters.repliesWritten(isRepeated ? counted : replies.length, counted);
      },
      log,
    });
  }

  mark(step: DeliveryStep): Promise<void> {
    return this.#writes.add(step);
  }

  /**
   * A message was handed to the kernel for a client of this form. If a reply is awaited and the client acknowledges, this step may
   * wait and leave with the reply. If the gateway dies first, the message is still in the mailbox and is sent again.
   */
  wrote({ id, flags }: MessageHead, userId: string, form: SessionForm): Promise<void> {
    const asks = flags.includes('a');
    const awaitsAcknowledgement = flags.includes('k');
    if (form === 'ack' && asks) return this.#writes.addLater({ messageId: id, userId, state: 'written' });
    if (form === 'ack' && awaitsAcknowledgement) this.#await(id);
    const reason = (asks || awaitsAcknowledgement) && form !== 'ack' ? { reason: form } : {};
    return this.#writes.add({ messageId: id, userId, state: 'written', ...reason });
  }

  replied(reply: Reply): Promise<void> {
    return this.#writes.add(reply);
  }

  acknowledged(session: Recipient, ids: readonly string[]): Promise<void> {
    const settlement = { session, state: 'acknowledged', ids } as const;
    return this.#isAwaited(ids) ? this.#writes.add(settlement) : this.#writes.addLater(settlement);
  }

  /** Sends the gathered steps now: nothing that is sent after this call overtakes them. */
  flush(): void {
    this.#writes.flush();
  }

  /** Resolves when everything so far is written. */
  idle(): Promise<void> {
    return this.#writes.idle();
  }

  #await(id: string): void {
    const nowMs = performance.now();
    for (const [old, atMs] of this.#awaited) {
      if (nowMs - atMs < AWAITED_MS) break;
      this.#awaited.delete(old);
    }
    if (this.#awaited.size < AWAITED_MAX) this.#awaited.set(id, nowMs);
  }

  #isAwaited(ids: readonly string[]): boolean {
    if (this.#awaited.size === 0) return false;
    if (this.#awaited.size >= AWAITED_MAX) return true;
    return ids.filter((id) => this.#awaited.delete(id)).length > 0;
  }
}

function bytesOf(step: readonly Progress[]): number {
  return step.reduce((sum, item) => sum + CALL_BYTES + sizeOf(item), 0);
}

function sizeOf(item: Progress): number {
  if ('ask' in item) return item.reply.length;
  return 'ids' in item ? ID_BYTES * item.ids.length : 0;
}
