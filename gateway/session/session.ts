import type { Socket } from 'node:net';
import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import { type WireText, wireText } from '../../contract/wire/chat-text.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { type Refusal, Refusals } from '../../contract/wire/refusals.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { GatewayContext } from '../context.ts';
import { Message, Notice, type Outgoing } from '../delivery/messages.ts';
import { Outbox, type OutboxOwner } from '../delivery/outbox.ts';
import type { SessionUpstream } from '../upstream/items.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import { Bit } from './features.ts';
import { Intake } from './frame-reader.ts';
import { sayGoodbye } from './goodbye.ts';
import { type AddressCount, Newcomer } from './pending-auth.ts';
import { Replay } from './replay.ts';
import type { Timed } from './wheel.ts';

/** How long a connection that was ended may take to close. */
const LINGER_MS = 2_000;

export type SessionState = 'unverified' | 'replaying' | 'live' | 'suspended' | 'closed';

/**
 * One TCP connection and, once it is verified, one user's stay on it.
 *
 *   unverified ──verified──► replaying ⇄ live        replaying: the mailbox comes first
 *        │                       │  ▲      │         suspended: the gateway's lease is lost
 *        │                       ▼  │      ▼
 *        └──────► closed ◄── suspended ◄───┘         closed once, with the first cause
 */
export class Session implements OutboxOwner, Timed {
  state: SessionState = 'unverified';
  form: SessionForm = 'plain';
  features = 0;
  userId = '';
  /** The user id as JSON text: `chat_from` of everything this client sends. */
  chatFrom: WireText = '';
  epoch = 0;
  /** The gateway id under which this epoch was claimed: together they name the stay. */
  holder = '';
  /** The epoch of its verify: resuming gives a new epoch and leaves this. */
  sinceEpoch = 0;
  slot = -1;
  verifyFailures = 0;
  badFrames = 0;
  /** Commands of this session on their way to Redis, and the entry of our own inbox that the last of them made. */
  routesInFlight = 0;
  routeBytesInFlight = 0;
  /** Acknowledge frames on their way to Redis. */
  settlesInFlight = 0;
  /** Of these, such as may come back to a session of this gateway: what is sent after them must not overtake. */
  routesReturning = 0;
  awaitedEntry: string | undefined;
  /** Broadcasts up to this id are older than this stay: its user may have had them where it was before. */
  bornAtId = 0;
  /** Highest message id that was sent on this connection to its user. */
  lastSentId = 0;
  /** How many of the messages for everyone here it has had, or came too late for (delivery/broadcast.ts); -1: not verified. */
  fanOutSeen = -1;
  readonly connectionId: number;
  readonly outbox: Outbox;
  readonly context: GatewayContext;
  readonly socket: Socket;
  readonly address: AddressCount;
  /** The one user whom the client's certificate lets it be; undefined: no certificate was asked for. */
  readonly onlyUser: string | undefined;
  replay: Replay | undefined;
  /** From its first application command on. */
  upstream: SessionUpstream | undefined;
  readonly intake: Intake;
  /** Whether this user's client has sent its first heartbeat: only then is it held to them. */
  #beats = false;
  /** Until it is verified. */
  #newcomer: Newcomer | undefined;

  constructor(
    context: GatewayContext,
    socket: Socket,
    connectionId: number,
    address: AddressCount,
    onlyUser: string | undefined,
  ) {
    const now = performance.now();
    this.context = context;
    this.socket = socket;
    this.connectionId = connectionId;
    this.address = address;
    this.onlyUser = onlyUser;
    this.outbox = new Outbox(socket, this, context.stalled);
    this.intake = new Intake(this, now);
    this.#newcomer = new Newcomer(this, now);
  }

  get isVerified(): boolean {
    return this.state === 'live' || this.state === 'replaying' || this.state === 'suspended';
  }

  has(feature: keyof typeof Bit): boolean {
    return (this.features & Bit[feature]) !== 0;
  }

  // --- what the client sends (see intake.ts)

  heartbeat(): void {
    if (this.#beats) return;
    this.#beats = true;
    this.context.wheel.set(this, this.intake.heardAtMs + this.context.config.heartbeatTimeoutMs);
  }

  /** Says no to a frame: counted, told to those who understand it, and too many end the connection. */
  refuse(refusal: Refusal, version: number, ref?: unknown): void {
    this.context.counters.badFrames += 1;
    this.badFrames += 1;
    this.refuseKindly(refusal, version, ref);
    if (this.badFrames > this.context.config.maxBadFrames) this.close(CloseReasons.tooManyBadFrames);
  }

  /** Says no to something that is no misuse of the protocol. */
  refuseKindly(refusal: Refusal, version: number, ref?: unknown): void {
    this.context.counters.refused(refusal);
    if (this.context.tail.isOn) this.context.tail.refused(this.userId, 'refused', refusal);
    if (!this.has('errors')) return;
    const body = JSON.stringify({ error: refusal, message: Refusals[refusal], ref });
    this.send(new Notice(version, ServerCommand.refused, body));
  }

  // --- what the client is sent

  send(item: Outgoing): void {
    if (this.state === 'closed') return;
    if (this.replay === undefined) this.context.fanOut.catchUp(this);
    if (this.outbox.gather(item)) this.context.flusher.schedule(this.outbox);
  }

  /** A message of this very session, in the order of arrival. Its `settle` is called, once, whatever becomes of it. */
  deliver(message: Message): void {
    if (this.replay) return this.replay.postpone(message);
    const { config, stalled } = this.context;
    const isBehind = this.outbox.stalledSinceMs > 0 && stalled.isFull;
    if (isBehind || this.outbox.bytes > config.outboxMaxBytes) {
      if (isBehind) this.context.counters.behindAll += 1;
      else this.context.counters.behindSession += 1;
      this.#fallBehind();
      return this.deliver(message);
    }
    this.sendMessage(message);
  }

  /** Past all holding back: a message that was sent already (it was in the mailbox, too) is passed over. */
  sendMessage(message: Message): void {
    const id = message.id;
    if (id !== 0) {
      if (message.origin === 'inbox, in mailbox too' && id <= this.lastSentId)
        return message.settle?.(this.userId, this.epoch, false);
      this.lastSentId = Math.max(this.lastSentId, id);
    }
    this.send(message);
  }

  /** Its reader is too slow for what comes: from here on it is served from its mailbox, at its own pace. */
  #fallBehind(): void {
    this.#enterReplay(
      new Replay(this, { after: this.form === 'ack' ? String(this.lastSentId) : '0', waitFor: 'outbox' }),
    );
  }

  /** Something was put into the mailbox behind this session's back. */
  poke(): void {
    if (this.replay) return this.replay.poke();
    if (this.state !== 'live') return;
    this.#enterReplay(new Replay(this, { after: '0', waitFor: 'outbox' })).start();
  }

  onWritten(items: readonly Outgoing[], bytes: number): void {
    const counters = this.context.counters;
    counters.framesOut += items.length;
    counters.bytesOut += bytes;
    const nowMs = Date.now();
    for (const item of items) {
      item.settle?.(this.userId, this.epoch, true);
      if (!(item instanceof Message)) continue;
      counters.wrote(item, this.form === 'ack', nowMs);
      if (this.context.tail.isOn) this.context.tail.delivered(this.userId, item);
    }
    this.replay?.onWritten(items);
  }

  onStalled(): void {
    this.context.wheel.set(this, performance.now() + this.context.config.slowReaderTimeoutMs);
  }

  onCaughtUp(): void {
    this.replay?.onCaughtUp();
  }

  // --- its life

  /** Whether it is waited for that it says who it is; of no meaning once it has. */
  countUnverified(counts: boolean): void {
    if (this.state !== 'closed') this.#newcomer?.count(counts);
  }

  /** Called by the verify handler when the claim has succeeded. */
  become(identity: { userId: string; epoch: number; holder: string; form: SessionForm; features: number }): void {
    this.userId = identity.userId;
    this.chatFrom = wireText(JSON.stringify(identity.userId));
    this.epoch = identity.epoch;
    this.holder = identity.holder;
    this.sinceEpoch = identity.epoch;
    this.form = identity.form;
    this.features = identity.features;
    this.lastSentId = 0;
    this.fanOutSeen = this.context.fanOut.count;
    this.#beats = false;
    this.verifyFailures = 0;
    this.#newcomer?.count(false);
    this.#newcomer = undefined;
    this.address.verifiedAtMs = performance.now();
    this.context.registry.add(this);
  }

  /** Serves the mailbox first, then goes live. */
  beginReplay(options: { lost: number; waitFor: 'outbox' | 'predecessor'; held?: readonly Message[] }): void {
    this.#enterReplay(new Replay(this, { after: '0', ...options })).start();
  }

  goLive(): void {
    this.#leaveReplay();
    this.state = 'live';
  }

  #enterReplay(replay: Replay): Replay {
    this.context.fanOut.catchUp(this);
    this.state = 'replaying';
    this.replay = replay;
    this.context.registry.replaying.add(this);
    return replay;
  }

  /** Answers what it held back. What came for everyone meanwhile it has had. */
  #leaveReplay(): readonly Message[] {
    if (this.replay === undefined) return [];
    const held = this.replay.abandon();
    this.replay = undefined;
    this.context.registry.replaying.delete(this);
    this.fanOutSeen = this.context.fanOut.count;
    return held;
  }

  /** The gateway's lease is lost: nothing may be delivered. What had not been begun is in Redis, and comes from there. */
  suspend(): void {
    if (this.state !== 'live' && this.state !== 'replaying') return;
    this.state = 'suspended';
    this.#leaveReplay();
    this.outbox.takeBackPending(
      (item) => item instanceof Message && item.origin !== 'direct' && item.origin !== 'broadcast',
    );
  }

  /**
   * Ends it, once: the first cause counts. With `handedOver`, all that the inbox had for it has been dealt with: Redis is
   * told that whoever comes next may be served, and then `handedOver` is called.
   */
  close(reason: CloseReason, handedOver?: () => void): void {
    if (this.state === 'closed') return;
    const wasVerified = this.isVerified;
    this.state = 'closed';
    this.context.counters.closed(reason);
    if (reason === CloseReasons.slowReader) this.context.counters.slowReaders += 1;
    const unsent = this.#takeBack();
    sayGoodbye(this, reason);
    this.#newcomer?.count(false);
    if (wasVerified) {
      this.context.registry.remove(this);
      this.#putBack(unsent, reason, handedOver);
    }
    this.context.log.debug(
      {
        event: 'closed',
        connection: this.connectionId,
        user: this.userId || undefined,
        epoch: this.epoch || undefined,
        reason: reason.name,
      },
      'closed',
    );
    this.context.wheel.set(this, performance.now() + LINGER_MS);
  }

  /**
   * This connection's user leaves it, and another one or the same comes: what this stay had not got is put back. Answers the
   * broadcasts among it, which nobody stores: they are still due to the same user.
   */
  leave(): readonly Message[] {
    this.context.registry.remove(this);
    this.context.fanOut.catchUp(this);
    this.fanOutSeen = -1;
    const unsent = this.#takeBack();
    this.#putBack(unsent, CloseReasons.reverified, undefined);
    return unsent.filter((item) => item instanceof Message).filter(({ origin }) => origin === 'broadcast');
  }

  /** Messages that were not handed over. Answers that were gathered in this turn still go out. */
  #takeBack(): readonly Outgoing[] {
    const held = this.#leaveReplay();
    const pending = this.outbox.takeBackPending((item) => item instanceof Message);
    this.outbox.flush((items, form) => Buffer.concat(items.map((item) => item.frame(form))), performance.now());
    return [...this.outbox.takeBack(), ...pending, ...held];
  }

  #putBack(items: readonly Outgoing[], reason: CloseReason, handedOver: (() => void) | undefined): void {
    const undelivered: Undelivered[] = [];
    for (const { undelivered: message } of items) if (message) undelivered.push(message);
    const { userId, epoch, holder } = this;
    void this.context.sessionStore
      .release({
        session: { userId, epoch, holder },
        reason: reason.name,
        handsOver: handedOver !== undefined,
        undelivered,
      })
      .then(() => {
        for (const item of items) item.settle?.(userId, epoch, false);
        handedOver?.();
      });
  }

  onSocketClosed(): void {
    this.context.wheel.clear(this);
  }

  // --- its deadlines, all in one place

  onDeadline(nowMs: number): number {
    if (this.state === 'closed') {
      this.socket.destroy();
      return 0;
    }
    const rateCheckMs = this.intake.refill(nowMs);
    if (this.#isClosed()) return nowMs + LINGER_MS;
    if (rateCheckMs > 0) return rateCheckMs;
    const [reason, dueMs] = this.#newcomer ? this.#newcomer.due(nowMs) : this.#dueNext(nowMs);
    if (nowMs < dueMs) return this.replay ? this.replay.onDeadline(nowMs, dueMs) : dueMs;
    this.close(reason);
    return nowMs + LINGER_MS;
  }

  /** What would end the session first, and when; looked at again after a while even when nothing would. */
  #dueNext(nowMs: number): [CloseReason, number] {
    const { slowReaderTimeoutMs, heartbeatTimeoutMs } = this.context.config;
    // Whoever is not read cannot be heard.
    if (this.intake.isHeld) this.intake.heardAtMs = nowMs;
    const { stalledSinceMs } = this.outbox;
    const stalledUntilMs = stalledSinceMs > 0 ? stalledSinceMs + slowReaderTimeoutMs : nowMs + slowReaderTimeoutMs;
    const silentUntilMs = this.#beats ? this.intake.heardAtMs + heartbeatTimeoutMs : Number.POSITIVE_INFINITY;
    const { partialUntilMs } = this.intake;
    const firstMs = Math.min(stalledUntilMs, silentUntilMs, partialUntilMs);
    if (firstMs === stalledUntilMs) return [CloseReasons.slowReader, firstMs];
    if (firstMs === silentUntilMs) return [CloseReasons.heartbeatTimeout, firstMs];
    return [CloseReasons.frameTimeout, firstMs];
  }

  /** The state as it is now: a call may have changed what the compiler still believes. */
  #isClosed(): boolean {
    return (this.state as SessionState) === 'closed';
  }
}
