import { randomBytes } from 'node:crypto';
import type { DirectBroadcast, DirectBroadcasts } from '../../contract/store/direct-broadcasts.ts';
import type { Broadcasts } from '../session/broadcasts-port.ts';
import type { Message } from '../session/messages.ts';
import { joinFrames } from '../session/outbox-port.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { TimeBudget } from './time-budget.ts';

/** So much may gather behind a round; then the round goes on to its end at once, and no session is read meanwhile. */
const MAX_BEHIND_BYTES = 262_144;

/** Sessions whose writes go to the network together. */
const SESSIONS_PER_SEND = 32;

/** Messages on their way to every session, and the sessions that they have not reached yet. */
interface Round {
  readonly items: readonly Message[];
  readonly joined: Buffer;
  /** The largest frame of these. */
  readonly largestBytes: number;
  /** The number of messages so far when it began. */
  readonly end: number;
  readonly sessions: IterableIterator<Session>;
}

interface BroadcastParts {
  readonly registry: Pick<Registry, 'all' | 'replaying'>;
  readonly counters: { wroteToMany(messages: number, bytes: number, receivers: number): void };
  /** Asks for a flush at the end of this turn. */
  readonly schedule: () => void;
  /** Sends what the connections were handed. */
  readonly send: () => void;
  readonly tail: { readonly isOn: boolean };
}

/**
 * Messages without an id for everyone on this gateway, gathered once for all sessions instead of once per receiver.
 *
 *   add ──► the turn's list ──flush──► a round: one write of the joined list to each session that is sent nothing else
 *              └─ catchUp: a session that is sent something of its own gets the messages that it has not had before it
 *
 * A round to very many sessions takes several turns. Messages that come meanwhile make the next round.
 * `Session.broadcastCursor` is the number of messages, of all that ever came here, that the session has had: a session
 * that joined later than a message is not sent it. Sessions that are served from their mailbox get theirs at once, to hold.
 *
 * Other gateways get the same messages through Redis, with the number that each has here: a user who moves there meanwhile is not
 * sent again what the session here had.
 */
export class Broadcast implements Broadcasts {
  readonly #origin = randomBytes(6).toString('hex');
  /** Messages so far, since the gateway started. */
  #count = 0;
  #items: Message[] = [];
  #bytes = 0;
  #round: Round | undefined;
  readonly #parts: BroadcastParts;

  constructor(parts: BroadcastParts) {
    this.#parts = parts;
  }

  begin(session: Session): void {
    session.broadcastsAfter = this.#count;
    this.join(session);
  }

  join(session: Session): void {
    session.broadcastCursor = this.#count;
  }

  given({ broadcastsAfter: after, broadcastCursor }: Session, unsent: number): DirectBroadcasts | undefined {
    const upTo = broadcastCursor - unsent;
    return upTo > after ? { origin: this.#origin, after, upTo } : undefined;
  }

  leave(session: Session): void {
    session.broadcastCursor = -1;
  }

  /** The message has no id and no `settle`: nobody waits for it to be written. */
  add(message: Message): DirectBroadcast {
    for (const session of this.#parts.registry.replaying) session.deliver(message);
    if (this.#items.length === 0) this.#parts.schedule();
    this.#items.push(message);
    this.#bytes += message.frame('plain').length;
    this.#count += 1;
    return { origin: this.#origin, number: this.#count };
  }

  /** Delivers the messages that the session has not had yet, before whatever it is sent next. */
  catchUp(session: Session): void {
    if (session.broadcastCursor < 0 || session.broadcastCursor === this.#count) return;
    const items = this.#round ? [...this.#round.items, ...this.#items] : this.#items;
    const first = this.#count - items.length;
    const from = Math.max(0, session.broadcastCursor - first);
    session.broadcastCursor = this.#count;
    for (const message of items.slice(from)) session.deliver(message);
  }

  /** Returns whether nothing is left. When the budget is spent, the rest waits for the next call. */
  flush(nowMs: number, budget: TimeBudget): boolean {
    if (this.#round === undefined && this.#items.length === 0) return true;
    this.#round ??= this.#begin();
    const { items, joined, largestBytes, end, sessions } = this.#round;
    const first = end - items.length;
    const isWatched = this.#parts.tail.isOn;
    const begun: Session[] = [];
    let written = 0;
    let isInterrupted = false;
    // A map's iterator goes on where a loop was left.
    for (const session of sessions) {
      if (!session.isReplaying && session.broadcastCursor < end) {
        const isAlone = isWatched || session.broadcastCursor > first || session.maxFrameBytes < largestBytes;
        if (isAlone || !session.outbox.isEmpty) this.catchUp(session);
        else {
          session.broadcastCursor = end;
          session.outbox.beginShared(joined);
          if (begun.push(session) === SESSIONS_PER_SEND) written += this.#finish(begun, items, joined, nowMs);
        }
      }
      isInterrupted = budget.isSpent() && this.#bytes <= MAX_BEHIND_BYTES;
      if (isInterrupted) break;
    }
    written += this.#finish(begun, items, joined, nowMs);
    if (!isInterrupted) this.#round = undefined;
    this.#parts.counters.wroteToMany(items.length, joined.length, written);
    return this.#round === undefined && this.#items.length === 0;
  }

  /** Sends to the sessions that were begun. Returns how many of them took all of it at once. */
  #finish(begun: Session[], items: readonly Message[], joined: Buffer, nowMs: number): number {
    this.#parts.send();
    let written = 0;
    for (const { outbox } of begun) if (outbox.finishShared(items, joined, nowMs)) written += 1;
    begun.length = 0;
    return written;
  }

  #begin(): Round {
    const items = this.#items;
    const joined = items.length === 1 && items[0] ? items[0].frame('plain') : joinFrames(items, 'plain');
    this.#items = [];
    this.#bytes = 0;
    const largestBytes = items.reduce((largest, item) => Math.max(largest, item.frame('plain').length), 0);
    return { items, joined, largestBytes, end: this.#count, sessions: this.#parts.registry.all() };
  }
}
