import type { MessageHead } from '../../contract/store/records.ts';
import { SpanName, type Traces } from '../../shared/trace.ts';
import type { Outgoing } from '../session/messages.ts';
import type { Counters } from './counters.ts';

/** The number of written and unanswered messages that are kept, of all sessions together: the oldest are dropped first. */
const UNANSWERED_MAX = 10_000;

interface Written {
  traceparent: string;
  atMs: number;
}

interface Write {
  userId: string;
  messageId: string;
  written: boolean;
  asks: boolean;
  handedAtMs: number;
  parent: string;
}

type Settle = Outgoing['settle'];

/** The spans of messages that came with a trace; made only when traces are on. */
export class DeliveryTraces {
  readonly #traces: Traces;
  readonly #counters: Counters;
  readonly #gatewayId: () => string;
  readonly #unacknowledged = new Map<string, Written>();
  /** Of those that ask: a reply and an acknowledgement come in any order. */
  readonly #unreplied = new Map<string, Written>();

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
      const asks = head.flags.includes('a') && written !== 'plain';
      const parent = waiting.traceparent;
      this.#wrote({ userId, messageId: head.id, written: written !== false, asks, handedAtMs, parent });
      settle?.(userId, epoch, written);
    };
  }

  acknowledged(userId: string, ids: readonly string[]): void {
    for (const id of ids) this.#answered(SpanName.acknowledge, this.#unacknowledged, userId, id);
  }

  replied(userId: string, ask: string): void {
    this.#answered(SpanName.reply, this.#unreplied, userId, ask);
  }

  #answered(name: 'acknowledge' | 'reply', unanswered: Map<string, Written>, userId: string, id: string): void {
    const key = keyOf(userId, id);
    const written = unanswered.get(key);
    if (written === undefined) return;
    unanswered.delete(key);
    const { traceparent: parent, atMs } = written;
    this.#traces.start(name, { parent, atMs, attributes: { user: userId, message: id } }).end();
  }

  #wrote(write: Write): void {
    const { userId, messageId, written, asks, handedAtMs, parent } = write;
    const attributes = { user: userId, message: messageId, written };
    const span = this.#traces.start(SpanName.write, { parent, atMs: handedAtMs, attributes });
    span.end();
    if (!written) return;
    const answerable = { traceparent: span.traceparent, atMs: Date.now() };
    keep(this.#unacknowledged, keyOf(userId, messageId), answerable);
    if (asks) keep(this.#unreplied, keyOf(userId, messageId), answerable);
  }
}

function keep(unanswered: Map<string, Written>, key: string, written: Written): void {
  const [oldest] = unanswered.keys();
  if (unanswered.size >= UNANSWERED_MAX && oldest !== undefined) unanswered.delete(oldest);
  unanswered.set(key, written);
}

/** Ids of messages have no blank. */
function keyOf(userId: string, messageId: string): string {
  return `${messageId} ${userId}`;
}
