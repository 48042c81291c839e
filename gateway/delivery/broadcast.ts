import type { Counters } from '../observe/counters.ts';
import type { Tail } from '../observe/tail.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { Message } from './messages.ts';
import type { Slice } from './time-budget.ts';

/** So much may gather behind a round; then it goes on to its end at once, and nobody is read meanwhile. */
const MAX_BEHIND_BYTES = 262_144;

/** What is on its way to every session, and those it has yet to reach. */
interface Round {
  readonly items: readonly Message[];
  readonly joined: Buffer;
  /** `FanOut.count` when it began. */
  readonly end: number;
  readonly sessions: IterableIterator<Session>;
}

/**
 * Messages for everyone on this gateway who needs no id, gathered once for all of them instead of once per receiver.
 *
 *   add ──► the turn's list ──flush──► a round: one write of the joined list to each session that was sent nothing else
 *              └─ catchUp: a session that is sent something of its own takes what it has not had before it, in order
 *
 * A round to very many takes several turns. What comes meanwhile makes the next one.
 * Where a session stands is the number of messages that ever came here which it has had (`Session.fanOutSeen`): whoever
 * came later than a message is not sent it. Sessions that are served from their mailbox get theirs at once, to hold back.
 */
export class FanOut {
  /** Messages so far, since the gateway started. */
  count = 0;
  #items: Message[] = [];
  #bytes = 0;
  #round: Round | undefined;
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

  /** What the session has not had yet goes to its outbox, before whatever it is sent next. */
  catchUp(session: Session): void {
    if (session.fanOutSeen < 0 || session.fanOutSeen === this.count) return;
    const items = this.#round ? [...this.#round.items, ...this.#items] : this.#items;
    const first = this.count - items.length;
    const from = Math.max(0, session.fanOutSeen - first);
    session.fanOutSeen = this.count;
    for (const message of items.slice(from)) session.deliver(message);
  }

  /** Answers whether nothing is left. When the slice is over the rest waits for the next call. */
  flush(nowMs: number, slice: Slice): boolean {
    if (this.#round === undefined && this.#items.length === 0) return true;
    this.#round ??= this.#begin();
    const { items, joined, end, sessions } = this.#round;
    const first = end - items.length;
    const isWatched = this.#tail.isOn;
    let written = 0;
    let isOver = false;
    // A map's iterator goes on where a loop was left.
    for (const session of sessions) {
      if (session.replay === undefined && session.fanOutSeen < end) {
        if (isWatched || session.fanOutSeen > first || !session.outbox.isEmpty) this.catchUp(session);
        else {
          session.fanOutSeen = end;
          if (session.outbox.writeShared(items, joined, nowMs)) written += 1;
        }
      }
      isOver = slice.isOver() && this.#bytes <= MAX_BEHIND_BYTES;
      if (isOver) break;
    }
    if (!isOver) this.#round = undefined;
    this.#counters.wroteToMany(items.length, joined.length, written);
    return this.#round === undefined && this.#items.length === 0;
  }

  #begin(): Round {
    const items = this.#items;
    const joined = items.length === 1 && items[0] ? items[0].frame('plain') : join(items, this.#bytes);
    this.#items = [];
    this.#bytes = 0;
    return { items, joined, end: this.count, sessions: this.#registry.all() };
  }
}

function join(items: readonly Message[], bytes: number): Buffer {
  return Buffer.concat(
    items.map((item) => item.frame('plain')),
    bytes,
  );
}
