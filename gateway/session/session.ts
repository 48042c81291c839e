import { type DirectBroadcast, type DirectBroadcasts, isAmong } from '../../contract/store/direct-broadcasts.ts';
import { chatHead } from '../../contract/wire/message.ts';
import type { Refusal } from '../../contract/wire/refusals.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { AddressCount } from '../net/admission.ts';
import type { Connection, ConnectionOwner } from '../net/connection.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import { Downlink } from './downlink.ts';
import { FeatureBit } from './features.ts';
import { type Frame, type FrameConsumer, FrameReader } from './frame-reader.ts';
import { sayGoodbye } from './goodbye.ts';
import { ANONYMOUS, type Identity } from './identity.ts';
import type { InFlightLimit } from './in-flight-limit.ts';
import { Message, type Outgoing } from './messages.ts';
import { refusedNotice } from './notices.ts';
import type { SessionOutbox } from './outbox-port.ts';
import { PendingAuth, type PendingConnection } from './pending-auth.ts';
import type { ReplayStart } from './replay.ts';
import type { SenderOrder } from './sender-order.ts';
import type { SessionParts } from './session-parts.ts';
import { SessionWork } from './session-work.ts';
import { undeliveredOf } from './undelivered.ts';
import type { Uplink } from './uplink.ts';
import type { Timed } from './wheel.ts';

const FINISH_CHECK_MS = 100;
/** How long a connection that was ended may take to close. */
const LINGER_MS = 2_000;

/** Within `verified`, the downlink is replaying or not: see Downlink. */
type SessionState = 'unverified' | 'replaying' | 'live' | 'suspended' | 'closed';

/**
 * One TCP connection and, once it is verified, one user's stay on it.
 *
 *   unverified ──bindUser──► verified ⇄ suspended        verified: live, or replaying while the mailbox comes first
 *        │                       │          │            suspended: the gateway's lease is lost, nothing is delivered
 *        └──────close──────► closed ◄───────┘            closed once, with the first cause
 */
export class Session implements ConnectionOwner, FrameConsumer, PendingConnection, Timed {
  readonly connectionId: number;
  readonly connection: Connection;
  readonly address: AddressCount;
  /** The one user whom the client's certificate lets it be; undefined: no certificate was asked for. */
  readonly onlyUser: string | undefined;
  readonly reader: FrameReader;
  /** Belongs to the wheel. */
  slot = -1;
  /** Owned by Broadcast: how many of all broadcasts so far this session has received; -1: it receives none. */
  broadcastCursor = -1;
  /** Owned by Broadcast: the same when its user's stay began. */
  broadcastsAfter = -1;
  readonly #parts: SessionParts;
  readonly #downlink: Downlink;
  #state: 'unverified' | 'verified' | 'suspended' | 'closed' = 'unverified';
  #identity: Identity = ANONYMOUS;
  #verifyFailures = 0;
  #badFrames = 0;
  /** Whether this user's client has sent its first heartbeat: they are enforced from then on. */
  #hasHeartbeat = false;
  #chatHead: Buffer | undefined;
  #pendingAuth: PendingAuth | undefined;
  #work: SessionWork | undefined;

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
    this.#downlink = new Downlink(parts, this, connection);
    this.reader = new FrameReader(parts, this, nowMs);
    this.#pendingAuth = new PendingAuth(parts, this, nowMs);
  }

  get state(): SessionState {
    if (this.#state !== 'verified') return this.#state;
    return this.#downlink.isReplaying ? 'replaying' : 'live';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isVerified(): boolean {
    return this.#state === 'verified' || this.#state === 'suspended';
  }

  get isReplaying(): boolean {
    return this.#downlink.isReplaying;
  }

  get outbox(): SessionOutbox {
    return this.#downlink.outbox;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get userId(): string {
    return this.#identity.userId;
  }

  /** `chatHead` of everything that this user sends. Most never send a chat: made for the first one. */
  get chatHead(): Buffer {
    this.#chatHead ??= Buffer.from(chatHead(JSON.stringify(this.userId)));
    return this.#chatHead;
  }

  get epoch(): number {
    return this.#identity.epoch;
  }

  /** The epoch of the verify: claiming the session again gives a new epoch, and leaves this one. */
  get sinceEpoch(): number {
    return this.#identity.sinceEpoch ?? this.#identity.epoch;
  }

  get form(): SessionForm {
    return this.#identity.form;
  }

  has(feature: keyof typeof FeatureBit): boolean {
    return (this.#identity.features & FeatureBit[feature]) !== 0;
  }

  /** The order of what this client sends. */
  get order(): SenderOrder {
    return this.#madeWork().order;
  }

  get uplink(): Uplink {
    return this.#madeWork().uplink;
  }

  get acknowledgements(): InFlightLimit {
    return this.#madeWork().acknowledgements(this.reader);
  }

  #madeWork(): SessionWork {
    this.#work ??= new SessionWork();
    return this.#work;
  }

  /** For the debug endpoints. */
  get inspection(): { badFrames: number; lastSentId: number; routesInFlight: number } {
    return {
      badFrames: this.#badFrames,
      lastSentId: this.#downlink.lastSentId,
      routesInFlight: this.#work?.commandsInFlight ?? 0,
    };
  }

  // --- from the client

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
    if (this.has('errors')) this.send(refusedNotice(this.maxFrameBytes, version, refusal, ref));
  }

  // --- to the client

  send(item: Outgoing): void {
    if (this.#state !== 'closed') this.#downlink.send(item);
  }

  /** Whether its user was given this broadcast on another gateway, from which it has come. */
  wasGiven(broadcast: DirectBroadcast): boolean {
    return isAmong(this.#identity.given, broadcast);
  }

  /** Its predecessors have handed over: these are what they were given. */
  noteGiven(given: readonly DirectBroadcasts[]): void {
    this.#identity = { ...this.#identity, given };
  }

  /** Sends a message to this very session, in the order of arrival. Its `settle` is called once, whatever becomes of it. */
  deliver(message: Message): void {
    this.#downlink.deliver(message);
  }

  /** Whether messages that have no id may be sent to it: it is live, does not acknowledge, and its reader keeps up. */
  takesDirect(): boolean {
    return this.#state === 'verified' && this.#identity.form !== 'ack' && this.#downlink.takesDirect();
  }

  /** Sends a message without an id; only right after `takesDirect`. Returns false when it is too large for the client, and lost. */
  sendDirect(message: Message): boolean {
    return this.#downlink.sendDirect(message);
  }

  /** Something was put into the mailbox by others. */
  notifyMailbox(): void {
    if (this.#state === 'verified') this.#downlink.notifyMailbox();
  }

  /** Serves the mailbox first, then goes live. */
  beginReplay(start: Omit<ReplayStart, 'after'>): void {
    this.#downlink.beginReplay({ after: '0', ...start });
  }

  /** The largest frame that the client can take. */
  get maxFrameBytes(): number {
    return this.#identity.maxFrameBytes;
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
    // The same user again has been connected all the time: what it was given before belongs to this stay, too.
    const goesOn = this.isVerified && this.userId === identity.userId;
    this.#state = 'verified';
    this.#identity = identity;
    this.#chatHead = undefined;
    this.#downlink.onUserBound();
    this.#hasHeartbeat = false;
    this.reader.onVerified();
    this.#verifyFailures = 0;
    this.#awaitEntry(awaitedEntry);
    this.#pendingAuth?.count(false);
    this.#pendingAuth = undefined;
    this.address.verifiedAtMs = performance.now();
    if (goesOn) this.#parts.broadcasts.join(this);
    else this.#parts.broadcasts.begin(this);
    this.#parts.registry.add(this);
  }

  /** The session was claimed again while it stays suspended: the gateway has lost its lease once more. */
  renewClaim({ epoch, holder }: Pick<Identity, 'epoch' | 'holder'>): void {
    this.#identity = { ...this.#identity, sinceEpoch: this.sinceEpoch, epoch, holder };
  }

  /** The session was claimed again, under a new id of the gateway: it goes on. */
  resume(
    claim: Pick<Identity, 'epoch' | 'holder' | 'joinedAtMessageId' | 'given'>,
    awaitedEntry: string | undefined,
    waitFor: ReplayStart['waitFor'],
  ): void {
    this.#identity = { ...this.#identity, ...claim, sinceEpoch: this.sinceEpoch };
    this.#awaitEntry(awaitedEntry);
    this.#state = 'verified';
    this.#downlink.resume(waitFor);
  }

  #awaitEntry(entry: string | undefined): void {
    if (entry !== undefined || this.#work !== undefined) this.#madeWork().awaitEntry(entry);
  }

  /** The gateway's lease is lost: nothing may be delivered. */
  suspend(): void {
    if (this.#state !== 'verified') return;
    this.#state = 'suspended';
    this.#downlink.suspend();
  }

  /**
   * Ends it, once: the first cause counts. With `handedOver`, the inbox has nothing more for this session: Redis learns
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
    const unsent = this.#downlink.takeBack();
    sayGoodbye(this.connection, reason, this.has('goodbye'), registry.size);
    this.#pendingAuth?.count(false);
    if (wasVerified) {
      registry.remove(this);
      this.#release(unsent, reason, { handedOver, given: this.#broadcastsGiven(unsent) });
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
   * The user leaves this connection because it verifies again, as `next`: undelivered messages are put back. When the same
   * user comes again in the same form, what is being written stays: it reaches the client, and must not come twice.
   * Returns the broadcasts that are still due to the same user: they are not stored.
   */
  leave(next: Pick<Identity, 'userId' | 'form'>): readonly Message[] {
    const { registry, broadcasts } = this.#parts;
    const isSameUser = next.userId === this.userId;
    registry.remove(this);
    this.#downlink.catchUp();
    const goesOn = isSameUser && next.form === this.form;
    const unsent = goesOn ? this.#downlink.takeBackUnbegun() : this.#downlink.takeBack();
    const due = isSameUser ? unsent.filter(isBroadcast) : [];
    const rest = isSameUser ? unsent.filter((item) => !isBroadcast(item)) : unsent;
    const given = isSameUser ? undefined : this.#broadcastsGiven(rest);
    broadcasts.leave(this);
    this.#release(rest, CloseReasons.reverified, { given });
    return due;
  }

  #broadcastsGiven(unsent: readonly Outgoing[]): DirectBroadcasts | undefined {
    const direct = unsent.filter((item) => isBroadcast(item) && item.id === 0);
    return this.#parts.broadcasts.given(this, direct.length);
  }

  /** The stay has ended: undelivered messages go back to the mailbox. */
  #release(
    items: readonly Outgoing[],
    reason: CloseReason,
    { handedOver, given }: { handedOver?: (() => void) | undefined; given: DirectBroadcasts | undefined },
  ): void {
    const { userId, epoch, holder } = this.#identity;
    const session = { userId, epoch, holder };
    const handsOver = handedOver !== undefined;
    void this.#parts.store
      .release({ session, reason: reason.name, handsOver, given, undelivered: undeliveredOf(items) })
      .then(() => {
        for (const item of items) item.settle?.(userId, epoch, false);
        handedOver?.();
      });
  }

  /** The client sends no more. It may still read: its frames are handled, and it gets the replies. */
  onEnd(): void {
    this.reader.end();
  }

  /** All that the client sent has been handled: ends the session when its replies are written. */
  finish(): void {
    const nowMs = performance.now();
    if (this.#madeWork().finish(nowMs, this.#downlink.flush(nowMs))) this.close(CloseReasons.clientLeft);
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
    if (this.#work?.isFinishing && !this.reader.isPaused) {
      this.finish();
      return nowMs + (this.isClosed ? LINGER_MS : FINISH_CHECK_MS);
    }
    const [reason, dueMs] = this.#pendingAuth ? this.#pendingAuth.nextDeadline(nowMs) : this.#nextDeadline(nowMs);
    if (nowMs < dueMs) return this.#downlink.onDeadline(nowMs, dueMs);
    this.close(reason);
    return nowMs + LINGER_MS;
  }

  /** What ends the session first, and when; checked again after a while even when nothing would. */
  #nextDeadline(nowMs: number): [CloseReason, number] {
    const { heartbeatTimeoutMs } = this.#parts.settings;
    const heardMs = this.reader.lastHeardMs(nowMs);
    const stalledUntilMs = this.#downlink.stalledUntilMs(nowMs);
    const silentUntilMs = this.#hasHeartbeat ? heardMs + heartbeatTimeoutMs : Number.POSITIVE_INFINITY;
    const { partialUntilMs } = this.reader;
    const firstMs = Math.min(stalledUntilMs, silentUntilMs, partialUntilMs);
    if (firstMs === stalledUntilMs) return [CloseReasons.slowReader, firstMs];
    if (firstMs === silentUntilMs) return [CloseReasons.heartbeatTimeout, firstMs];
    return [CloseReasons.frameTimeout, firstMs];
  }
}

function isBroadcast(item: Outgoing): item is Message {
  return item instanceof Message && item.origin === 'broadcast';
}
