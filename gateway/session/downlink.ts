import type { DirectBroadcasts } from '../../contract/store/direct-broadcasts.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Connection } from '../net/connection.ts';
import type { Broadcasts } from './broadcasts-port.ts';
import type { CloseReason } from './close-reasons.ts';
import type { Identity } from './identity.ts';
import { Message, type Outgoing } from './messages.ts';
import { joinFrames, type MakeOutbox, type OutboxOwner, type SessionOutbox } from './outbox-port.ts';
import type { Registry } from './registry.ts';
import { Replay, type ReplayingSession, type ReplayParts, type ReplayStart } from './replay.ts';
import type { Session } from './session.ts';
import type { Wheel } from './wheel.ts';

/** How often a stalled reader is looked at within its timeout. */
const PROGRESS_CHECKS = 4;

/** What all downlinks of a gateway share. */
export type DownlinkParts = ReplayParts & {
  readonly settings: { readonly slowReaderTimeoutMs: number; readonly maxFrameBytes: number };
  readonly makeOutbox: MakeOutbox;
  /** Flushes an outbox at the end of this turn of the event loop. */
  readonly flusher: { schedule(outbox: SessionOutbox): void };
  readonly broadcasts: Pick<Broadcasts, 'join' | 'catchUp'>;
  /** Bytes for readers that have stopped reading, of all sessions. */
  readonly stalled: { readonly isFull: boolean };
  readonly registry: Pick<Registry, 'beginReplay' | 'endReplay'>;
  readonly wheel: Pick<Wheel, 'bringForward'>;
  readonly store: {
    /** Does not reject. */
    giveUpTooLarge(userId: string, message: { id: string; flags: string; isStored: boolean }): Promise<void>;
  };
  readonly tail: { readonly isOn: boolean; delivered(user: string, message: Message): void };
  readonly counters: {
    framesOut: number;
    bytesOut: number;
    behindSession: number;
    behindAll: number;
    wrote(message: Message, acknowledges: boolean, nowMs: number): void;
    wroteAsk(id: number, nowMs: number): void;
  };
};

/**
 * What one session is sent. It is always in one of two modes:
 *
 *   direct      Messages go to the outbox as they come. Left when the mailbox has something for the session, and when its
 *               reader is too slow: from then on it is served from the mailbox, at the reader's pace.
 *   replaying   The mailbox comes first (see Replay); messages that come meanwhile are postponed. Left when the mailbox is
 *               empty, when the session is suspended, and when it ends.
 */
export class Downlink implements OutboxOwner, ReplayingSession {
  readonly outbox: SessionOutbox;
  readonly #parts: DownlinkParts;
  readonly #session: Session;
  /** Highest message id that was sent on this connection to its user. */
  #lastSentId = 0;
  /** Undefined: the mode is direct. */
  #replay: Replay | undefined;
  /** Direct messages that wait for the session to be resumed. */
  #kept: readonly Message[] | undefined;

  constructor(parts: DownlinkParts, session: Session, connection: Connection) {
    this.#parts = parts;
    this.#session = session;
    this.outbox = parts.makeOutbox(connection, this);
  }

  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  get lastSentId(): number {
    return this.#lastSentId;
  }

  get identity(): Identity {
    return this.#session.identity;
  }

  get form(): SessionForm {
    return this.#session.form;
  }

  /** Another user's stay begins on this connection. */
  onUserBound(): void {
    this.#lastSentId = 0;
  }

  send(item: Outgoing): void {
    this.catchUp();
    this.#gather(item);
  }

  #gather(item: Outgoing): void {
    if (this.outbox.gather(item)) this.#parts.flusher.schedule(this.outbox);
  }

  /**
   * Sends the broadcasts that came before, which may fill the outbox: then a replay has begun. While a replay runs,
   * Broadcast.add gives it each message: so nothing is to be caught up.
   */
  catchUp(): void {
    if (this.#replay === undefined) this.#parts.broadcasts.catchUp(this.#session);
  }

  /** Sends a message, or postpones it. Its `settle` is called once, whatever becomes of it. */
  deliver(message: Message): void {
    this.catchUp();
    if (this.#replay) return this.#replay.postpone(message);
    if (this.isBehind) {
      const { counters } = this.#parts;
      if (this.#isOverTotal) counters.behindAll += 1;
      else counters.behindSession += 1;
      this.beginReplay({ after: this.form === 'ack' ? String(this.#lastSentId) : '0', waitFor: 'outbox' });
      return this.deliver(message);
    }
    this.sendMessage(message);
  }

  /** Asked right before `sendDirect`: what came before is sent first, and may be too much for its reader. */
  takesDirect(): boolean {
    this.catchUp();
    return this.#replay === undefined && !this.isBehind;
  }

  sendDirect(message: Message): boolean {
    const fits = !this.#isTooLarge(message);
    if (fits) this.#gather(message);
    else this.#giveUp(message);
    return fits;
  }

  /** Its reader is too slow: more than its share waits for it, or it waits and all slow readers together have too much. */
  get isBehind(): boolean {
    return this.#isOverTotal || this.outbox.bytes > this.#parts.settings.outboxMaxBytes;
  }

  get #isOverTotal(): boolean {
    return this.outbox.stalledSinceMs > 0 && this.#parts.stalled.isFull;
  }

  /** Sends a message at once, unless it was sent before: it was in the mailbox, too. */
  sendMessage(message: Message): void {
    const id = message.id;
    if (id !== 0) {
      const { userId, epoch } = this.identity;
      if (message.origin === 'inbox, in mailbox too' && id <= this.#lastSentId)
        return message.settle?.(userId, epoch, false);
      this.#lastSentId = Math.max(this.#lastSentId, id);
    }
    if (this.#isTooLarge(message)) this.#giveUp(message);
    else this.#session.send(message);
  }

  #isTooLarge(message: Message): boolean {
    const { maxFrameBytes, form } = this.identity;
    return maxFrameBytes < this.#parts.settings.maxFrameBytes && message.frame(form).length > maxFrameBytes;
  }

  /** The client could not take it, now or later: it is lost, and the messages behind it are delivered. */
  #giveUp(message: Message): void {
    const { userId, epoch } = this.identity;
    const { id, flags } = message.head;
    const isStored = message.origin === 'mailbox' || message.origin === 'inbox, in mailbox too';
    const givenUp = this.#parts.store.giveUpTooLarge(userId, { id, flags, isStored });
    void givenUp.then(() => message.settle?.(userId, epoch, false));
  }

  // --- the mailbox

  /** Something was put into the mailbox by others. */
  notifyMailbox(): void {
    if (this.#replay) this.#replay.notifyMailbox();
    else this.beginReplay({ after: '0', waitFor: 'outbox' });
  }

  beginReplay(start: ReplayStart): void {
    this.catchUp();
    // Those broadcasts may have filled the outbox: then a replay has begun already, and holds them.
    if (this.#replay !== undefined) {
      if (start.after === '0') this.#replay.notifyMailbox();
      return;
    }
    this.#replay = new Replay(this.#parts, this, start);
    this.#parts.registry.beginReplay(this.#session);
    this.#replay.start(start.waitFor);
  }

  /** Returns the messages that the replay held. The session has had those that came for everyone meanwhile. */
  endReplay(): readonly Message[] {
    if (this.#replay === undefined) return [];
    const held = this.#replay.end();
    this.#replay = undefined;
    this.#parts.registry.endReplay(this.#session);
    this.#parts.broadcasts.join(this.#session);
    return held;
  }

  noteGiven(given: readonly DirectBroadcasts[]): void {
    this.#session.noteGiven(given);
  }

  wasGiven({ head: { direct } }: Message): boolean {
    return direct !== undefined && this.#session.wasGiven(direct);
  }

  close(reason: CloseReason): void {
    this.#session.close(reason);
  }

  checkBy(atMs: number): void {
    this.#parts.wheel.bringForward(this.#session, atMs);
  }

  // --- the outbox

  onWritten(items: readonly Outgoing[], bytes: number): void {
    const { counters, tail } = this.#parts;
    const { userId, epoch, form } = this.identity;
    counters.framesOut += items.length;
    counters.bytesOut += bytes;
    let nowMs = 0;
    for (const item of items) {
      item.settle?.(userId, epoch, form);
      if (!(item instanceof Message)) continue;
      if (item.id !== 0 && nowMs === 0) nowMs = Date.now();
      counters.wrote(item, form === 'ack', nowMs);
      if (form !== 'plain' && item.asks) counters.wroteAsk(item.id, nowMs);
      if (tail.isOn) tail.delivered(userId, item);
    }
    this.#replay?.onWritten(items);
  }

  onStalled(): void {
    this.checkBy(performance.now() + this.#progressCheckMs);
  }

  onCaughtUp(): void {
    this.#replay?.onCaughtUp();
  }

  /**
   * Nothing more is to be written. Messages that are not being written are in Redis, and come from there; direct ones are
   * kept, to take their place between those when the session is resumed.
   */
  suspend(): void {
    const held = this.endReplay();
    const pending = this.outbox.takeBackPending((item) => item instanceof Message && item.origin !== 'broadcast');
    this.#kept = [...pending, ...held].filter(isDirect);
  }

  /** Serves the mailbox, with the kept and held messages. */
  resume(waitFor: ReplayStart['waitFor']): void {
    // A replay that began meanwhile asks for pages of the stay that is over.
    const held = [...this.#takeKept(), ...this.endReplay()];
    this.beginReplay({ after: '0', lost: 0, waitFor, held });
  }

  #takeKept(): readonly Message[] {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    return kept;
  }

  /** Takes back the messages that were not written. Replies that were gathered in this turn still go out. */
  takeBack(): readonly Outgoing[] {
    const unbegun = this.takeBackUnbegun();
    return [...this.outbox.takeBack(), ...unbegun];
  }

  /** The same without what is being written: that goes on, and is settled for whoever has the connection then. */
  takeBackUnbegun(): readonly Outgoing[] {
    const held = this.endReplay();
    const pending = this.outbox.takeBackPending((item) => item instanceof Message);
    this.outbox.flush(joinFrames, performance.now());
    return [...pending, ...this.#takeKept(), ...held];
  }

  /** Writes what was gathered, not waiting for the end of the turn. Returns whether the kernel has all of it. */
  flush(nowMs: number): boolean {
    this.outbox.flush(joinFrames, nowMs);
    return this.outbox.isEmpty;
  }

  // --- its deadlines

  /** When its reader is too slow to be kept. */
  stalledUntilMs(nowMs: number): number {
    return this.outbox.lastProgressMs(nowMs) + this.#parts.settings.slowReaderTimeoutMs;
  }

  /** Returns when to look again: at `dueMs`, or earlier. */
  onDeadline(nowMs: number, dueMs: number): number {
    const atMs = this.outbox.stalledSinceMs > 0 ? Math.min(dueMs, nowMs + this.#progressCheckMs) : dueMs;
    return this.#replay ? this.#replay.onDeadline(nowMs, atMs) : atMs;
  }

  /** Time between two checks of a stalled reader: it may be closed this much later than its timeout. */
  get #progressCheckMs(): number {
    return this.#parts.settings.slowReaderTimeoutMs / PROGRESS_CHECKS;
  }
}

function isDirect(item: Outgoing): item is Message {
  return item instanceof Message && item.origin === 'direct';
}
