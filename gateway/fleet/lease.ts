import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { holdLease, type LeaseReply, renewalOf } from '../../contract/store/scripts/gateways.ts';
import type { Claimant } from '../../contract/store/scripts/sessions.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Latch } from '../../shared/time/latch.ts';
import { elapsedMs, type Moment, momentNow, type StoreClock } from './store-clock.ts';

/** A margin for the time between a look at the clock and the act that follows: this part of the lease. */
const SAFETY_SHARE = 0.05;
/** After a lost connection Redis may be another server: if its clock is behind by more than this, its ids could be below known ones. */
const TOLERATED_LAG_MS = 50;
/** How much two clocks may drift apart, as a share. */
const DRIFT = 0.001;
const CONFIRM_PAUSE_MS = 100;

export interface LeaseListener {
  /** The lease has run out, by our clock or Redis's word: nothing may be delivered until `onJoined`. */
  onLost(): void;
  /** A new id is in force. `previous` is the one that was lost, undefined at start. */
  onJoined(previous: string | undefined): void;
  /** Leases of others that have run out. */
  onDead(gatewayIds: string[]): void;
}

interface LeaseParts {
  redis: RedisPort;
  keys: Keys;
  leaseMs: number;
  clock: Pick<StoreClock, 'highestId' | 'learn' | 'lagMs'>;
  /** The highest message id that was seen anywhere in this gateway. */
  seenId: () => number;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  logFields: () => Record<string, string | number>;
}

type Mode = 'joining' | 'held' | 'stopped';

/**
 * This gateway's right to hold sessions: an id with a lease in Redis, renewed well before its end. It is always in one of
 * these modes:
 *
 *   joining   No id is in force: at the start, and after a loss. Nothing is delivered. Left when Redis has given the lease
 *             for a new id. An id is never used again.
 *   held      The id is in force. Left when the lease was not renewed before its end by our clock, when Redis does not know
 *             it any more, when Redis has forgotten its own replies, and when the gateway surrenders it: each is a loss.
 *   stopped   Nothing is asked of Redis any more. Never left; a reply that arrives now is dropped.
 */
export class Lease {
  readonly #parts: LeaseParts;
  readonly #safetyMs: number;
  #listener: LeaseListener | undefined;
  #mode: Mode = 'joining';
  #gatewayId = '';
  #lossCount = 0;
  #renewalsMissed = 0;
  /** When the request for the current lease was sent. */
  #heldSince: Moment = momentNow();
  /** When the connection was back after it was lost, until a reply to what was sent since then is accepted. */
  #returnedAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  /** A new id is being asked for. */
  #isJoinInFlight = false;
  #renewing: Promise<void> | undefined;
  readonly #joined = new Latch();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#safetyMs = parts.leaseMs * SAFETY_SHARE;
  }

  /** The id in force, or the last one; '' before the first. */
  get gatewayId(): string {
    return this.#gatewayId;
  }

  /** The number of losses since the start. */
  get lossCount(): number {
    return this.#lossCount;
  }

  get renewalsMissed(): number {
    return this.#renewalsMissed;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** How long the lease still holds, ms; 0 or less: not. */
  get remainingMs(): number {
    if (this.#mode !== 'held') return 0;
    return this.#parts.leaseMs - this.#safetyMs - elapsedMs(this.#heldSince);
  }

  /** Since the renewal was sent that gave the current lease, or the last one, ms. */
  get ageMs(): number {
    return elapsedMs(this.#heldSince);
  }

  /** The highest message id known to this gateway; its estimate of Redis's clock counts as one. New ids are above it. */
  get highestId(): number {
    return Math.max(this.#parts.seenId(), this.#parts.clock.highestId);
  }

  /** This gateway, for a claim. */
  get claimant(): Claimant {
    return { gatewayId: this.gatewayId, highestId: this.highestId };
  }

  /** Waits for Redis, and joins. */
  async start(listener: LeaseListener): Promise<void> {
    this.#listener = listener;
    await this.#join(undefined);
    // A renewal that hangs must not hide that the lease has ended meanwhile.
    this.#watch = setInterval(() => this.check(), this.#safetyMs / 2);
  }

  /** To be called before anything is delivered: a process that was paused may find that its time is over. */
  check(): void {
    if (this.#mode !== 'held' || this.isHeld) return;
    this.#lose('not renewed in time');
    // A renewal that hangs goes on to join when it ends; a process that slept has none.
    if (this.#renewing === undefined) void this.#rejoin();
  }

  /** Gives up the lease before its time, and joins anew. */
  surrender(why: string): void {
    if (this.#mode !== 'held') return;
    this.#lose(why);
    void this.#rejoin();
  }

  /** Stops renewing; the lease itself is given up by the burial of the stop. */
  stop(): void {
    this.#enter('stopped');
    clearInterval(this.#watch);
  }

  /**
   * The connection to Redis was lost and is back: renews at once. The reply may be from another server, which has forgotten the
   * last writes or whose clock is behind: then the lease is surrendered. Resolves with whether the lease goes on.
   */
  async confirmAfterReturn(): Promise<boolean> {
    if (this.#mode !== 'held') return false;
    const { gatewayId } = this;
    // A renewal that was in flight is sent again, and is the first to hear from the other server.
    this.#returnedAtMs = performance.now();
    await this.#renewNow();
    return this.gatewayId === gatewayId && this.#isIn('held');
  }

  /** Redis does not know the lease of `gatewayId`: resolves when a renewal has proved otherwise, or another id is in force. */
  async recovered(gatewayId: string): Promise<void> {
    if (this.gatewayId === gatewayId && this.#mode === 'held') {
      await this.#renewNow();
      if (this.gatewayId === gatewayId && this.#isIn('held')) await sleep(CONFIRM_PAUSE_MS);
    }
    while (!this.#isIn('held')) await this.#joined.opened();
  }

  async #join(previous: string | undefined): Promise<void> {
    const gatewayId = `g${Date.now().toString(36)}${randomBytes(5).toString('hex')}`;
    const sentAt = momentNow();
    const reply = await this.#ask(gatewayId, undefined);
    if (this.#mode === 'stopped' || reply === 'lost') return;
    // Redis was away meanwhile: the lease is over before it began. Others remove it.
    if (elapsedMs(sentAt) >= this.#parts.leaseMs - this.#safetyMs) return this.#join(previous);
    this.#gatewayId = gatewayId;
    this.#hold(sentAt, reply);
    this.#parts.log.info({ event: 'lease_joined', gateway: gatewayId, previous }, 'joined');
    this.#listener?.onJoined(previous);
    this.#joined.open();
  }

  #ask(gatewayId: string, sinceLastMs: number | undefined): Promise<LeaseReply | 'lost'> {
    const { redis, keys, leaseMs, logFields } = this.#parts;
    return holdLease(redis, keys, {
      gatewayId,
      leaseMs,
      highestId: this.highestId,
      sinceLastMs,
      fields: logFields(),
    });
  }

  #hold(sentAt: Moment, reply: LeaseReply): void {
    this.#heldSince = sentAt;
    if (this.#returnedAtMs !== undefined && sentAt.monotonicMs >= this.#returnedAtMs) this.#returnedAtMs = undefined;
    this.#parts.clock.learn(reply.nowMs, sentAt.monotonicMs);
    this.#enter('held');
    const others = reply.dead.filter((id) => id !== this.gatewayId);
    if (others.length > 0) this.#listener?.onDead(others);
  }

  /** The one place where the mode changes, with what each mode begins with. */
  #enter(mode: Mode): void {
    if (this.#mode === 'stopped') return;
    this.#mode = mode;
    clearTimeout(this.#timer);
    if (mode === 'held') this.#renewAfter(renewalOf(this.#parts.leaseMs));
  }

  #renewAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renewNow(), ms);
  }

  /** One at a time: a later call waits for its own renewal, because it may have to see a newer store. */
  async #renewNow(): Promise<void> {
    while (this.#renewing !== undefined) await this.#renewing;
    this.#renewing = this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    clearTimeout(this.#timer);
    // Only what holds is renewed: how long ago the last renewal was asked for is part of the question.
    if (this.#mode !== 'held') return this.#rejoin();
    const { gatewayId } = this;
    const sentAt = momentNow();
    const seenId = this.#parts.seenId();
    let reply: LeaseReply | 'lost';
    try {
      reply = await this.#ask(gatewayId, Math.max(1, elapsedMs(this.#heldSince, sentAt)));
    } catch (error) {
      this.#renewalsMissed += 1;
      this.#parts.log.warn({ event: 'lease_renewal_failed', error: String(error) }, 'could not renew the lease');
      if (!this.#isIn('stopped')) this.#renewAfter(renewalOf(this.#parts.leaseMs) / 3);
      return;
    }
    if (this.#isIn('stopped') || gatewayId !== this.gatewayId) return;
    if (reply !== 'lost' && this.#isIn('held')) {
      const why = this.#doubt(reply, seenId, sentAt);
      if (why === undefined) return this.#hold(sentAt, reply);
      this.#lose(why);
    } else if (this.#isIn('held')) this.#lose('found expired');
    await this.#rejoin();
  }

  /** Why the reply may come from a server that has forgotten something, or gives lower ids; undefined: it does not. */
  #doubt({ highestId, nowMs }: LeaseReply, seenId: number, { monotonicMs }: Moment): string | undefined {
    if (highestId < seenId) return 'Redis has forgotten messages';
    if (this.#returnedAtMs === undefined) return undefined;
    const tolerated = TOLERATED_LAG_MS + (performance.now() - this.#heldSince.monotonicMs) * DRIFT;
    return this.#parts.clock.lagMs(nowMs, monotonicMs) > tolerated ? 'the clock of Redis is behind' : undefined;
  }

  /** The loss is reported at once; the new id comes as soon as Redis replies. */
  async #rejoin(): Promise<void> {
    if (this.#isJoinInFlight) return;
    this.#isJoinInFlight = true;
    try {
      await this.#join(this.gatewayId);
    } catch (error) {
      this.#parts.log.warn({ event: 'lease_join_failed', error: String(error) }, 'could not join');
      clearTimeout(this.#timer);
      if (this.#isIn('joining'))
        this.#timer = setTimeout(() => void this.#rejoin(), renewalOf(this.#parts.leaseMs) / 3);
    } finally {
      this.#isJoinInFlight = false;
    }
  }

  #lose(why: string): void {
    this.#enter('joining');
    this.#lossCount += 1;
    this.#parts.log.error(
      { event: 'lease_lost', gateway: this.gatewayId, why },
      'lost the lease: nothing is delivered until it is back',
    );
    this.#listener?.onLost();
  }

  /** As it is now: a call may have changed what the compiler still believes. */
  #isIn(mode: Mode): boolean {
    return this.#mode === mode;
  }
}
