import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import type { WireText } from '../../contract/wire/chat-text.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { type Refusal, Refusals } from '../../contract/wire/refusals.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { AddressCount } from '../net/admission.ts';
import type { Connection, ConnectionOwner } from '../net/connection.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import { FeatureBit } from './features.ts';
import { type Frame, type FrameConsumer, FrameReader, PauseReason } from './frame-reader.ts';
import { sayGoodbye } from './goodbye.ts';
import { ANONYMOUS, type Identity } from './identity.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import { Message, Notice, type Outgoing } from './messages.ts';
import { type OutboxOwner, type SessionOutbox, withoutSharing } from './outbox-port.ts';
import { PendingAuth, type PendingConnection } from './pending-auth.ts';
import { Replay, type ReplayingSession, type ReplayStart } from './replay.ts';
import { SenderOrder } from './sender-order.ts';
import type { SessionParts } from './session-parts.ts';
import { Uplink } from './uplink.ts';
import type { Timed } from './wheel.ts';

/** How long a client that has shut down its sending side is given for the answers that it still gets. */
const FINISH_TIMEOUT_MS = 30_000;
/** How often a stalled reader is looked at within its timeout. */
const PROGRESS_CHECKS = 4;
const FINISH_CHECK_MS = 100;
/** How long a connection that was ended may take to close. */
const LINGER_MS = 2_000;
/** Acknowledge frames of one session on their way to Redis. */
const MAX_ACKNOWLEDGEMENTS_IN_FLIGHT = 64;

export type SessionState = 'unverified' | 'replaying' | 'live' | 'suspended' | 'closed';

/**
 * One TCP connection and, once it is verified, one user's stay on it.
 *
 *   unverified ──verified──► replaying ⇄ live        replaying: the mailbox comes first
 *        │                       │  ▲      │         suspended: the gateway's lease is lost
 *        │                       ▼  │      ▼
 *        └──────► closed ◄── suspended ◄───┘         closed once, with the first cause
 */
export class Session
  implements ConnectionOwner, FrameConsumer, OutboxOwner, PendingConnection, ReplayingSession, Timed
{
  readonly connectionId: number;
  readonly connection: Connection;
  readonly address: AddressCount;
  /** The one user whom the client's certificate lets it be; undefined: no certificate was asked for. */
  readonly onlyUser: string | undefined;
  readonly outbox: SessionOutbox;
  readonly reader: FrameReader;
  /** Belongs to the wheel. */
  slot = -1;
  /** Belongs to the broadcasts: how many there had been when the session had had all of them; -1: it gets none. */
  broadcastCursor = -1;
  readonly #parts: SessionParts;
  #state: SessionState = 'unverified';
  #identity: Identity = ANONYMOUS;
  #verifyFailures = 0;
  #badFrames = 0;
  /** Highest message id that was sent on this connection to its user. */
  #lastSentId = 0;
  /** Whether this user's client has sent its first heartbeat: they are enforced from then on. */
  #hasHeartbeat = false;
  /** When a client that has shut down its sending side must have its answers; 0: it has not. */
  #finishesByMs = 0;
  #pendingAuth: PendingAuth | undefined;
  #replay: Replay | undefined;
  #order: SenderOrder | undefined;
  #uplink: Uplink | undefined;
  #acknowledgements: InFlightLimit | undefined;

  constructor(
    parts: SessionParts,
    connection: Connection,
    connectionId: number,
    address: AddressCount,
    onlyUser: string | undefined,
  ) {
    const nowMs = performance.now();
    this.#parts = parts;
    this.connection = connection;
    this.connectionId = connectionId;
    this.address = address;
    this.onlyUser = onlyUser;
    this.outbox = parts.makeOutbox(connection, this);
    this.reader = new FrameReader(parts, this, nowMs);
    this.#pendingAuth = new PendingAuth(parts, this, nowMs);
  }

  get state(): SessionState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isVerified(): boolean {
    return this.#state === 'live' || this.#state === 'replaying' || this.#state === 'suspended';
  }

  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get userId(): string {
    return this.#identity.userId;
  }

  get chatFrom(): WireText {
    return this.#identity.chatFrom;
  }

  get epoch(): number {
    return this.#identity.epoch;
  }

  get form(): SessionForm {
    return this.#identity.form;
  }

  has(feature: keyof typeof FeatureBit): boolean {
    return (this.#identity.features & FeatureBit[feature]) !== 0;
  }

  /** Most clients never send anything that must not be overtaken: made when it is first asked for. */
  get order(): SenderOrder {
    this.#order ??= new SenderOrder();
    return this.#order;
  }

  /** Made with the first application command. */
  get uplink(): Uplink {
    this.#uplink ??= new Uplink();
    return this.#uplink;
  }

  /** Acknowledge frames on their way to Redis. Made with the first one. */
  get acknowledgements(): InFlightLimit {
    this.#acknowledgements ??= new InFlightLimit(
      this.reader,
      PauseReason.acknowledging,
      MAX_ACKNOWLEDGEMENTS_IN_FLIGHT,
    );
    return this.#acknowledgements;
  }

  /** For those who look into a session. */
  get inspection(): { badFrames: number; lastSentId: number; routesInFlight: number } {
    return {
      badFrames: this.#badFrames,
      lastSentId: this.#lastSentId,
      routesInFlight: this.#order?.inFlight ?? 0,
    };
  }

  // --- what the client sends

  receive(chunk: Buffer): void {
    this.reader.receive(chunk);
  }

  handle(frame: Frame): void {
    this.#parts.handle(this, frame);
  }

  heartbeat(): void {
    if (this.#hasHeartbeat) return;
    this.#hasHeartbeat = true;
    const { wheel, settings } = this.#parts;
    const nowMs = performance.now();
    wheel.bringForward(this, this.reader.lastHeardMs(nowMs) + settings.heartbeatTimeoutMs);
  }

  /** Refuses a frame that breaks the protocol: too many of them end the connection. */
  rejectAsViolation(refusal: Refusal, version: number, ref?: unknown): void {
    this.#parts.counters.badFrames += 1;
    this.#badFrames += 1;
    this.reject(refusal, version, ref);
    if (this.#badFrames > this.#parts.settings.maxBadFrames) this.close(CloseReasons.tooManyBadFrames);
  }

  /** Refuses a frame that breaks no rule, with an error frame (111) where the client understands it. */
  reject(refusal: Refusal, version: number, ref?: unknown): void {
    this.#parts.counters.refused(refusal);
    if (this.#parts.tail.isOn) this.#parts.tail.refused(this.userId, 'refused', refusal);
    if (!this.has('errors')) return;
    const body = JSON.stringify({ error: refusal, message: Refusals[refusal], ref });
    this.send(new Notice(version, ServerCommand.refused, body));
  }

  // --- what the client is sent

  send(item: Outgoing): void {
    if (this.#state === 'closed') return;
    if (this.#replay === undefined) this.#parts.broadcasts.catchUp(this);
    if (this.outbox.gather(item)) this.#parts.flusher.schedule(this.outbox);
  }

  /** Sends a message to this very session, in the order of arrival. Its `settle` is called once, whatever becomes of it. */
  deliver(message: Message): void {
    if (this.#replay) return this.#replay.postpone(message);
    const { settings, stalled, counters } = this.#parts;
    const isOverTotal = this.outbox.stalledSinceMs > 0 && stalled.isFull;
    if (isOverTotal || this.outbox.bytes > settings.outboxMaxBytes) {
      if (isOverTotal) counters.behindAll += 1;
      else counters.behindSession += 1;
      // Its reader is too slow: from here on the session is served from its mailbox, at the reader's pace.
      this.#beginReplay({ after: this.form === 'ack' ? String(this.#lastSentId) : '0', waitFor: 'outbox' });
      return this.deliver(message);
    }
    this.sendMessage(message);
  }

  /** Sends a message at once, unless it was sent before: it was in the mailbox, too. */
  sendMessage(message: Message): void {
    const id = message.id;
    if (id !== 0) {
      if (message.origin === 'inbox, in mailbox too' && id <= this.#lastSentId)
        return message.settle?.(this.userId, this.epoch, false);
      this.#lastSentId = Math.max(this.#lastSentId, id);
    }
    if (this.#isTooLarge(message)) this.#giveUp(message);
    else this.send(message);
  }

  /** The largest frame that the client can take. */
  get maxFrameBytes(): number {
    return this.#identity.maxFrameBytes;
  }

  #isTooLarge(message: Message): boolean {
    const { maxFrameBytes, form } = this.#identity;
    return maxFrameBytes < this.#parts.settings.maxFrameBytes && message.frame(form).length > maxFrameBytes;
  }

  /** The client could not take it, now or later: it is lost, and what stands behind it is delivered. */
  #giveUp(message: Message): void {
    const { userId, epoch } = this.#identity;
    const { id, flags } = message.head;
    const isStored = message.origin === 'mailbox' || message.origin === 'inbox, in mailbox too';
    const givenUp = this.#parts.store.giveUpTooLarge(userId, { id, flags, isStored });
    void givenUp.then(() => message.settle?.(userId, epoch, false));
  }

  /** Something was put into the mailbox by others. */
  notifyMailbox(): void {
    if (this.#replay) this.#replay.notifyMailbox();
    else if (this.#state === 'live') this.#beginReplay({ after: '0', waitFor: 'outbox' });
  }

  onWritten(items: readonly Outgoing[], bytes: number): void {
    const { counters, tail } = this.#parts;
    const { userId, epoch, form } = this.#identity;
    counters.framesOut += items.length;
    counters.bytesOut += bytes;
    const nowMs = Date.now();
    for (const item of items) {
      item.settle?.(userId, epoch, form);
      if (!(item instanceof Message)) continue;
      counters.wrote(item, form === 'ack', nowMs);
      if (tail.isOn) tail.delivered(userId, item);
    }
    this.#replay?.onWritten(items);
  }

  onStalled(): void {
    this.#parts.wheel.bringForward(this, performance.now() + this.#progressCheckMs);
  }

  /** A stalled reader is looked at so often: it may go on for so long after its last progress, beside its timeout. */
  get #progressCheckMs(): number {
    return this.#parts.settings.slowReaderTimeoutMs / PROGRESS_CHECKS;
  }

  onCaughtUp(): void {
    this.#replay?.onCaughtUp();
  }

  // --- its life

  /** While its verify is with Redis, a connection does not count as unverified. */
  beginVerify(): void {
    if (this.#state !== 'closed') this.#pendingAuth?.count(false);
  }

  /** The verify was refused; too many of these end the connection. */
  failVerify(): void {
    if (this.#state !== 'closed') this.#pendingAuth?.count(true);
    this.#verifyFailures += 1;
    if (this.#verifyFailures > this.#parts.settings.maxVerifyAttempts) this.close(CloseReasons.tooManyVerifyAttempts);
  }

  /** The claim has succeeded. What its user sent from another connection may be in our inbox up to `awaitedEntry`. */
  bindUser(identity: Identity, awaitedEntry: string | undefined): void {
    this.#identity = identity;
    this.#lastSentId = 0;
    this.#hasHeartbeat = false;
    this.reader.onVerified();
    this.#verifyFailures = 0;
    this.#awaitEntry(awaitedEntry);
    this.#pendingAuth?.count(false);
    this.#pendingAuth = undefined;
    this.address.verifiedAtMs = performance.now();
    this.#parts.broadcasts.join(this);
    this.#parts.registry.add(this);
  }

  /** The session was claimed again while it stays suspended: the gateway has lost its lease once more. */
  renewClaim({ epoch, holder }: Pick<Identity, 'epoch' | 'holder'>): void {
    this.#identity = { ...this.#identity, epoch, holder };
  }

  /** The session was claimed again, under a new id of the gateway: it goes on. */
  resume(
    claim: Pick<Identity, 'epoch' | 'holder' | 'joinedAtMessageId'>,
    awaitedEntry: string | undefined,
    waitFor: ReplayStart['waitFor'],
  ): void {
    const { epoch, holder, joinedAtMessageId } = claim;
    this.#identity = { ...this.#identity, epoch, holder, joinedAtMessageId };
    this.#awaitEntry(awaitedEntry);
    this.beginReplay({ lost: 0, waitFor });
  }

  #awaitEntry(entry: string | undefined): void {
    if (entry !== undefined || this.#order !== undefined) this.order.awaitEntry(entry);
  }

  /** Serves the mailbox first, then goes live. */
  beginReplay(start: Omit<ReplayStart, 'after'>): void {
    this.#beginReplay({ after: '0', ...start });
  }

  #beginReplay(start: ReplayStart): void {
    const { broadcasts, registry } = this.#parts;
    broadcasts.catchUp(this);
    // Those broadcasts may have filled the outbox: then a replay has begun already, and holds them.
    if (this.#replay !== undefined) {
      if (start.after === '0') this.#replay.notifyMailbox();
      return;
    }
    const replay = new Replay(this.#parts, this, start);
    this.#state = 'replaying';
    this.#replay = replay;
    registry.beginReplay(this);
    replay.start(start.waitFor);
  }

  goLive(): void {
    this.#endReplay();
    this.#state = 'live';
  }

  /** Returns the broadcasts that it held. The session has had those that came for everyone meanwhile. */
  #endReplay(): readonly Message[] {
    if (this.#replay === undefined) return [];
    const held = this.#replay.end();
    this.#replay = undefined;
    this.#parts.registry.endReplay(this);
    this.#parts.broadcasts.join(this);
    return held;
  }

  /** The gateway's lease is lost: nothing may be delivered. Messages that are not being written are in Redis, and come from there. */
  suspend(): void {
    if (this.#state !== 'live' && this.#state !== 'replaying') return;
    this.#state = 'suspended';
    this.#endReplay();
    this.outbox.takeBackPending(
      (item) => item instanceof Message && item.origin !== 'direct' && item.origin !== 'broadcast',
    );
  }

  /**
   * Ends it, once: the first cause counts. With `handedOver`, the inbox has nothing more for this session: Redis is told
   * that its successor may be served, and then `handedOver` is called.
   */
  close(reason: CloseReason, handedOver?: () => void): void {
    if (this.#state === 'closed') return;
    const { counters, registry, wheel, log } = this.#parts;
    const wasVerified = this.isVerified;
    this.#state = 'closed';
    this.reader.onClosed();
    counters.closed(reason);
    if (reason === CloseReasons.slowReader) counters.slowReaders += 1;
    const unsent = this.#takeBack();
    sayGoodbye(this.connection, reason, this.has('goodbye'), registry.size);
    this.#pendingAuth?.count(false);
    if (wasVerified) {
      registry.remove(this);
      this.#putBack(unsent, reason, handedOver);
    }
    log.debug(
      {
        event: 'closed',
        connection: this.connectionId,
        user: this.userId || undefined,
        epoch: this.epoch || undefined,
        reason: reason.name,
      },
      'closed',
    );
    wheel.set(this, performance.now() + LINGER_MS);
  }

  /**
   * The user leaves this connection because it verifies again: what was not delivered is put back. Returns the broadcasts
   * among it, which are not stored: they are still due when the same user comes again.
   */
  leave(): readonly Message[] {
    const { registry, broadcasts } = this.#parts;
    registry.remove(this);
    broadcasts.catchUp(this);
    broadcasts.leave(this);
    const unsent = this.#takeBack();
    this.#putBack(unsent, CloseReasons.reverified, undefined);
    return unsent.filter((item) => item instanceof Message).filter(({ origin }) => origin === 'broadcast');
  }

  /** Takes back the messages that were not written. Replies that were gathered in this turn still go out. */
  #takeBack(): readonly Outgoing[] {
    const held = this.#endReplay();
    const pending = this.outbox.takeBackPending((item) => item instanceof Message);
    this.outbox.flush(withoutSharing, performance.now());
    return [...this.outbox.takeBack(), ...pending, ...held];
  }

  #putBack(items: readonly Outgoing[], reason: CloseReason, handedOver: (() => void) | undefined): void {
    const undelivered: Undelivered[] = [];
    for (const { undelivered: message } of items) if (message) undelivered.push(message);
    const { userId, epoch, holder } = this.#identity;
    const session = { userId, epoch, holder };
    void this.#parts.store
      .release({ session, reason: reason.name, handsOver: handedOver !== undefined, undelivered })
      .then(() => {
        for (const item of items) item.settle?.(userId, epoch, false);
        handedOver?.();
      });
  }

  /** The client sends no more. It may still read: what it sent is handled, and it gets the answers. */
  onEnd(): void {
    this.reader.end();
  }

  /** All that the client sent has been handled: ends the session when its answers are there. */
  finish(): void {
    const nowMs = performance.now();
    if (this.#finishesByMs === 0) this.#finishesByMs = nowMs + FINISH_TIMEOUT_MS;
    const commands = this.#order?.inFlight ?? 0;
    const isAwaitingReplies = commands + (this.#acknowledgements?.inFlight ?? 0) + (this.#uplink?.requests ?? 0) > 0;
    if (!isAwaitingReplies || nowMs >= this.#finishesByMs) this.close(CloseReasons.clientLeft);
    else this.#parts.wheel.set(this, nowMs + FINISH_CHECK_MS);
  }

  onClosed(): void {
    this.close(CloseReasons.connectionLost);
    this.#parts.wheel.clear(this);
  }

  // --- its deadlines, all in one place

  onDeadline(nowMs: number): number {
    if (this.#state === 'closed') {
      this.connection.destroy();
      return 0;
    }
    const rateCheckMs = this.reader.refill(nowMs);
    if (this.isClosed) return nowMs + LINGER_MS;
    if (rateCheckMs > 0) return rateCheckMs;
    if (this.#finishesByMs > 0 && !this.reader.isPaused) {
      this.finish();
      return nowMs + (this.isClosed ? LINGER_MS : FINISH_CHECK_MS);
    }
    const [reason, dueMs] = this.#pendingAuth ? this.#pendingAuth.nextDeadline(nowMs) : this.#nextDeadline(nowMs);
    if (nowMs < dueMs) {
      const lookMs = this.outbox.stalledSinceMs > 0 ? Math.min(dueMs, nowMs + this.#progressCheckMs) : dueMs;
      return this.#replay ? this.#replay.onDeadline(nowMs, lookMs) : lookMs;
    }
    this.close(reason);
    return nowMs + LINGER_MS;
  }

  /** What ends the session first, and when; checked again after a while even when nothing would. */
  #nextDeadline(nowMs: number): [CloseReason, number] {
    const { slowReaderTimeoutMs, heartbeatTimeoutMs } = this.#parts.settings;
    const heardMs = this.reader.lastHeardMs(nowMs);
    const stalledUntilMs = this.outbox.lastProgressMs(nowMs) + slowReaderTimeoutMs;
    const silentUntilMs = this.#hasHeartbeat ? heardMs + heartbeatTimeoutMs : Number.POSITIVE_INFINITY;
    const { partialUntilMs } = this.reader;
    const firstMs = Math.min(stalledUntilMs, silentUntilMs, partialUntilMs);
    if (firstMs === stalledUntilMs) return [CloseReasons.slowReader, firstMs];
    if (firstMs === silentUntilMs) return [CloseReasons.heartbeatTimeout, firstMs];
    return [CloseReasons.frameTimeout, firstMs];
  }
}
