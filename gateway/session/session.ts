import type { Socket } from 'node:net';
import { type WireText, wireText } from '../../contract/chat-text.ts';
import { QUEUE_VERSION, ServerCommand } from '../../contract/command-ids.ts';
import { Decoded, FrameDecoder } from '../../contract/frame.ts';
import { type Refusal, Refusals } from '../../contract/refusals.ts';
import type { Undelivered } from '../../contract/scripts/sessions.ts';
import type { SessionForm } from '../../contract/session.ts';
import type { GatewayContext } from '../context.ts';
import { handle } from '../handlers/handlers.ts';
import { Outbox, type OutboxOwner } from '../io/outbox.ts';
import { Message, Notice, type Outgoing } from '../io/outgoing.ts';
import type { SessionUpstream } from '../upstream/items.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import { Bit } from './features.ts';
import { Replay } from './replay.ts';
import type { Timed } from './wheel.ts';

/** Reasons for which a connection is not read. A bit each: it is read again when all are gone. */
export const Gate = { verifying: 1, routing: 2, rate: 4, upstream: 8 } as const;

/** How long a connection that was ended may take to close. */
const LINGER_MS = 2_000;
/** A burst of twice the rate per second is let through. */
const BURST_SECONDS = 2;
const MAX_SPREAD_MS = 60_000;

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
  slot = -1;
  verifyFailures = 0;
  badFrames = 0;
  /** Commands of this session on their way to Redis, and the entry of our own inbox that the last of them made. */
  routesInFlight = 0;
  /** Of these, such as may come back to a session of this gateway: what is sent after them must not overtake. */
  routesReturning = 0;
  awaitedEntry: string | undefined;
  /** Broadcasts up to this id are older than this stay: its user may have had them where it was before. */
  bornAtId = 0;
  /** Highest message id that was sent on this connection to its user. */
  lastSentId = 0;
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
  readonly #decoder: FrameDecoder;
  #gates = 0;
  /** Since when a frame has begun whose end has not come, ms of the process's clock; 0: none has. */
  #partialSinceMs = 0;
  #lastHeardMs: number;
  /** Whether this user's client has sent its first heartbeat: only then is it held to them. */
  #beats = false;
  #authDeadlineMs: number;
  #allowance: number;
  #allowanceAtMs: number;

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
    this.#decoder = new FrameDecoder(context.config.maxFrameBytes);
    this.#lastHeardMs = now;
    this.#authDeadlineMs = now + context.config.authTimeoutMs;
    this.#allowance = BURST_SECONDS * context.config.maxMessagesPerSecond;
    this.#allowanceAtMs = now;
    context.wheel.set(this, this.#authDeadlineMs);
  }

  get isVerified(): boolean {
    return this.state === 'live' || this.state === 'replaying' || this.state === 'suspended';
  }

  has(feature: keyof typeof Bit): boolean {
    return (this.features & Bit[feature]) !== 0;
  }

  // --- what the client sends

  receive(chunk: Buffer): void {
    if (this.state === 'closed') return;
    this.context.counters.bytesIn += chunk.length;
    this.#lastHeardMs = performance.now();
    this.#decoder.push(chunk);
    this.#readOn();
  }

  /** Stops reading for a reason; what has come already waits. */
  hold(gate: number): void {
    if (this.#gates === 0) this.socket.pause();
    this.#gates |= gate;
  }

  /** Goes on reading when no other reason is left. */
  release(gate: number): void {
    if ((this.#gates & gate) === 0) return;
    this.#gates &= ~gate;
    if (this.#gates !== 0 || this.state === 'closed') return;
    this.#lastHeardMs = performance.now();
    // It could not have sent the rest meanwhile.
    if (this.#partialSinceMs > 0) this.#partialSinceMs = this.#lastHeardMs;
    this.#readOn();
    if (this.#gates === 0) this.socket.resume();
  }

  #readOn(): void {
    const decoder = this.#decoder;
    while (this.#gates === 0 && this.state !== 'closed') {
      const found = decoder.next();
      if (found === Decoded.incomplete) return this.#awaitRest();
      this.#partialSinceMs = 0;
      if (found === Decoded.invalid) return this.close(CloseReasons.badLength);
      this.context.counters.framesIn += 1;
      handle(this, decoder, this.context);
      if (this.state !== 'unverified') this.#pay();
    }
    if (this.state !== 'closed') decoder.detach();
  }

  #awaitRest(): void {
    if (this.#decoder.bufferedBytes === 0) this.#partialSinceMs = 0;
    else if (this.#partialSinceMs === 0) this.#partialSinceMs = this.#lastHeardMs;
  }

  /** Token bucket: a session that is over its rate is slowed down by not being read. Nothing is dropped. */
  #pay(): void {
    const rate = this.context.config.maxMessagesPerSecond;
    if (rate === 0) return;
    this.#allowance -= 1;
    if (this.#allowance > 0) return;
    this.#refill(performance.now());
    if (this.#allowance > 0) return;
    this.context.counters.throttled += 1;
    this.hold(Gate.rate);
    this.context.wheel.set(this, performance.now() + 100);
  }

  #refill(nowMs: number): void {
    const rate = this.context.config.maxMessagesPerSecond;
    const earned = ((nowMs - this.#allowanceAtMs) * rate) / 1_000;
    this.#allowance = Math.min(BURST_SECONDS * rate, this.#allowance + earned);
    this.#allowanceAtMs = nowMs;
  }

  heartbeat(): void {
    if (this.#beats) return;
    this.#beats = true;
    this.context.wheel.set(this, this.#lastHeardMs + this.context.config.heartbeatTimeoutMs);
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
    if (this.context.tail.isOn) this.context.tail.refused(this.userId, 'refused', refusal);
    if (!this.has('errors')) return;
    const body = JSON.stringify({ error: refusal, message: Refusals[refusal], ref });
    this.send(new Notice(version, ServerCommand.refused, body));
  }

  // --- what the client is sent

  send(item: Outgoing): void {
    if (this.state === 'closed') return;
    if (this.outbox.gather(item)) this.context.flusher.schedule(this.outbox);
  }

  /** A message of this very session, in the order of arrival. Its `settle` is called, once, whatever becomes of it. */
  deliver(message: Message): void {
    if (this.replay) return this.replay.postpone(message);
    const { config, stalled } = this.context;
    const isBehind = this.outbox.stalledSinceMs > 0 && stalled.isFull;
    if (isBehind || this.outbox.bytes > config.outboxMaxBytes) {
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
    this.state = 'replaying';
    this.replay = new Replay(this, { after: this.form === 'ack' ? String(this.lastSentId) : '0', waitFor: 'outbox' });
  }

  /** Something was put into the mailbox behind this session's back. */
  poke(): void {
    if (this.replay) return this.replay.poke();
    if (this.state !== 'live') return;
    this.state = 'replaying';
    this.replay = new Replay(this, { after: '0', waitFor: 'outbox' });
    this.replay.start();
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

  /** Called by the verify handler when the claim has succeeded. */
  become(identity: { userId: string; epoch: number; form: SessionForm; features: number }): void {
    this.userId = identity.userId;
    this.chatFrom = wireText(JSON.stringify(identity.userId));
    this.epoch = identity.epoch;
    this.form = identity.form;
    this.features = identity.features;
    this.lastSentId = 0;
    this.#beats = false;
    this.verifyFailures = 0;
    if (this.state === 'unverified') this.address.unverified -= 1;
    this.context.registry.add(this);
  }

  /** Serves the mailbox first, then goes live. */
  beginReplay(options: { lost: number; waitFor: 'outbox' | 'predecessor' }): void {
    this.state = 'replaying';
    this.replay = new Replay(this, { after: '0', ...options });
    this.replay.start();
  }

  goLive(): void {
    this.replay = undefined;
    this.state = 'live';
  }

  /** The gateway's lease is lost: nothing may be delivered. What had not been begun is in Redis, and comes from there. */
  suspend(): void {
    if (this.state !== 'live' && this.state !== 'replaying') return;
    this.state = 'suspended';
    this.replay?.abandon();
    this.replay = undefined;
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
    const wasUnverified = this.state === 'unverified';
    this.state = 'closed';
    this.context.counters.closed(reason);
    if (reason === CloseReasons.slowReader) this.context.counters.slowReaders += 1;
    const unsent = this.#takeBack();
    this.#sayGoodbye(reason);
    if (wasUnverified) this.address.unverified -= 1;
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

  /** This connection's user leaves it, and another one or the same comes: what this stay had not got is put back. */
  leave(): void {
    this.context.registry.remove(this);
    this.#putBack(this.#takeBack(), CloseReasons.reverified, undefined);
  }

  /** Messages that were not handed over. Answers that were gathered in this turn still go out. */
  #takeBack(): readonly Outgoing[] {
    const held = this.replay?.abandon() ?? [];
    this.replay = undefined;
    const pending = this.outbox.takeBackPending((item) => item instanceof Message);
    this.outbox.flush((items, form) => Buffer.concat(items.map((item) => item.frame(form))), performance.now());
    return [...this.outbox.takeBack(), ...pending, ...held];
  }

  #sayGoodbye(reason: CloseReason): void {
    if (this.socket.destroyed) return;
    this.socket.resume();
    if (!this.has('goodbye')) {
      this.socket.end();
      return;
    }
    const afterMs = Math.round(reason.comesBackAfterMs + Math.random() * this.#comebackSpreadMs());
    const body = JSON.stringify({ reason: reason.name, reconnect_after_ms: afterMs });
    this.socket.end(new Notice(QUEUE_VERSION, ServerCommand.goodbye, body).frame());
  }

  /** The more there are, the longer they take to come back, so that they do not come all at once. */
  #comebackSpreadMs(): number {
    return Math.min(MAX_SPREAD_MS, 500 + 2 * this.context.registry.size);
  }

  #putBack(items: readonly Outgoing[], reason: CloseReason, handedOver: (() => void) | undefined): void {
    const undelivered: Undelivered[] = [];
    for (const { undelivered: message } of items) if (message) undelivered.push(message);
    const { userId, epoch } = this;
    void this.context.sessionStore
      .release({ session: { userId, epoch }, reason: reason.name, handsOver: handedOver !== undefined, undelivered })
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
    const { config } = this.context;
    if (this.state === 'closed') {
      this.socket.destroy();
      return 0;
    }
    if ((this.#gates & Gate.rate) !== 0) {
      this.#refill(nowMs);
      if (this.#allowance < 1) return nowMs + 100;
      this.release(Gate.rate);
      if (this.#isClosed()) return nowMs + LINGER_MS;
      if ((this.#gates & Gate.rate) !== 0) return nowMs + 100;
    }
    if (this.state === 'unverified') {
      if (nowMs >= this.#authDeadlineMs) this.close(CloseReasons.authTimeout);
      return this.#isClosed() ? nowMs + LINGER_MS : this.#authDeadlineMs;
    }
    const stalledUntil = this.outbox.stalledSinceMs + config.slowReaderTimeoutMs;
    if (this.outbox.stalledSinceMs > 0 && nowMs >= stalledUntil) {
      this.close(CloseReasons.slowReader);
      return nowMs + LINGER_MS;
    }
    if (this.#gates !== 0) this.#lastHeardMs = nowMs;
    const silentUntil = this.#beats ? this.#lastHeardMs + config.heartbeatTimeoutMs : Number.POSITIVE_INFINITY;
    if (nowMs >= silentUntil) {
      this.close(CloseReasons.heartbeatTimeout);
      return nowMs + LINGER_MS;
    }
    const partialUntil =
      this.#partialSinceMs > 0 && this.#gates === 0
        ? this.#partialSinceMs + config.frameTimeoutMs
        : Number.POSITIVE_INFINITY;
    if (nowMs >= partialUntil) {
      this.close(CloseReasons.frameTimeout);
      return nowMs + LINGER_MS;
    }
    const next = Math.min(
      silentUntil,
      partialUntil,
      this.outbox.stalledSinceMs > 0 ? stalledUntil : nowMs + config.slowReaderTimeoutMs,
    );
    return this.replay ? this.replay.onDeadline(nowMs, next) : next;
  }

  /** The state as it is now: a call may have changed what the compiler still believes. */
  #isClosed(): boolean {
    return (this.state as SessionState) === 'closed';
  }
}

/** Connections of one address; shared by them. */
export interface AddressCount {
  /** As `networkOf` gives it. */
  readonly network: string;
  connections: number;
  unverified: number;
}
