import type { Message } from '../io/outgoing.ts';
import type { Counters } from '../observe/counters.ts';
import type { Tail } from '../observe/tail.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';

/**
 * Messages for everyone on this gateway who needs no id, gathered once for all of them instead of once per receiver.
 *
 *   add ──► this turn's list ──flush──► one write of the joined list to each session that was sent nothing else
 *              └─ catchUp: a session that is sent something of its own takes the list's part before it, in order
 *
 * Where a session stands is the number of messages that ever came here which it has had (`Session.fanOutSeen`): whoever
 * came later than a message is not sent it. Sessions that are served from their mailbox get theirs at once, to hold back.
 */
export class FanOut {
  /** Messages so far, since the gateway started. */
  count = 0;
  #items: Message[] = [];
  #bytes = 0;
  readonly #registry: Registry;
  readonly #counters: Counters;
  readonly #schedule: () => void;
  readonly #tail: Tail;

  /** `schedule` asks for a flush at the end of this turn. */
  constructor(parts: { registry: Registry; counters: Counters; schedule: () => void; tail: Tail }) {
    this.#registry = parts.registry;
    this.#counters = parts.counters;
    this.#schedule = parts.schedule;
    this.#tail = parts.tail;
  }

  /** Nothing is expected of it when it was written: it has no id and no `settle`. */
  add(message: Message): void {
    for (const session of this.#registry.replaying) session.deliver(message);
    if (this.#items.length === 0) this.#schedule();
    this.#items.push(message);
    this.#bytes += message.frame('plain').length;
    this.count += 1;
  }

  /** What the session has not had of this turn goes to its outbox, before whatever it is sent next. */
  catchUp(session: Session): void {
    if (session.fanOutSeen < 0 || session.fanOutSeen === this.count) return;
    const first = this.count - this.#items.length;
    const from = Math.max(0, session.fanOutSeen - first);
    session.fanOutSeen = this.count;
    for (const message of this.#items.slice(from)) session.deliver(message);
  }

  flush(nowMs: number): void {
    const items = this.#items;
    if (items.length === 0) return;
    const first = this.count - items.length;
    const isWatched = this.#tail.isOn;
    const joined = items.length === 1 && items[0] ? items[0].frame('plain') : join(items, this.#bytes);
    let written = 0;
    for (const session of this.#registry.all()) {
      if (session.replay !== undefined || session.fanOutSeen === this.count) continue;
      if (isWatched || session.fanOutSeen > first || !session.outbox.isEmpty) this.catchUp(session);
      else {
        session.fanOutSeen = this.count;
        if (session.outbox.writeShared(items, joined, nowMs)) written += 1;
      }
    }
    this.#items = [];
    this.#bytes = 0;
    this.#counters.wroteToMany(items.length, joined.length, written);
  }
}

function join(items: readonly Message[], bytes: number): Buffer {
  return Buffer.concat(
    items.map((item) => item.frame('plain')),
    bytes,
  );
}
