import type { MessageHead } from '../../contract/store/records.ts';
import { SpanName, type Traces } from '../../shared/trace.ts';
import type { Outgoing } from '../session/messages.ts';
import type { Counters } from './counters.ts';

/** The number of written and unacknowledged messages that are kept, of all sessions together: the oldest are dropped first. */
const UNACKNOWLEDGED_MAX = 10_000;

interface Written {
  traceparent: string;
  atMs: number;
}

type Settle = Outgoing['settle'];

/** The spans of messages that came with a trace; made only when traces are on. */
export class DeliveryTraces {
  readonly #traces: Traces;
  readonly #counters: Counters;
  readonly #gatewayId: () => string;
  readonly #unacknowledged = new Map<string, Written>();

  constructor(traces: Traces, counters: Counters, gatewayId: () => string) {
    this.#traces = traces;
    this.#counters = counters;
    this.#gatewayId = gatewayId;
  }

  /** A message is about to be handed to its sessions. Returns what to call as its `settle`. */
  handed(name: 'inbox' | 'mailbox', head: MessageHead, settle: Settle): Settle {
    if (head.traceparent === '') return settle;
    const handedAtMs = Date.now();
    const waiting = this.#traces.start(SpanName[name], {
      parent: head.traceparent,
      kind: 'consumer',
      atMs: Math.min(handedAtMs, Number(head.id) / 1_024 - this.#counters.redisOffsetMs),
      attributes: { message: head.id, command: head.commandId, gateway: this.#gatewayId() },
    });
    waiting.end();
    return (userId, epoch, written) => {
      this.#wrote({ userId, messageId: head.id, written: written !== false, handedAtMs, parent: waiting.traceparent });
      settle?.(userId, epoch, written);
    };
  }

  acknowledged(userId: string, ids: readonly string[]): void {
    for (const id of ids) {
      const key = keyOf(userId, id);
      const written = this.#unacknowledged.get(key);
      if (written === undefined) continue;
      this.#unacknowledged.delete(key);
      const { traceparent: parent, atMs } = written;
      this.#traces.start(SpanName.acknowledge, { parent, atMs, attributes: { user: userId, message: id } }).end();
    }
  }

  #wrote(write: { userId: string; messageId: string; written: boolean; handedAtMs: number; parent: string }): void {
    const { userId, messageId, written, handedAtMs, parent } = write;
    const attributes = { user: userId, message: messageId, written };
    const span = this.#traces.start(SpanName.write, { parent, atMs: handedAtMs, attributes });
    span.end();
    if (!written) return;
    const [oldest] = this.#unacknowledged.keys();
    if (this.#unacknowledged.size >= UNACKNOWLEDGED_MAX && oldest !== undefined) this.#unacknowledged.delete(oldest);
    this.#unacknowledged.set(keyOf(userId, messageId), { traceparent: span.traceparent, atMs: Date.now() });
  }
}

/** Ids of messages have no blank. */
function keyOf(userId: string, messageId: string): string {
  return `${messageId} ${userId}`;
}
