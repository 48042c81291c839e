import { randomBytes } from 'node:crypto';
import type { Keys } from '../../contract/store/keys.ts';
import { holdLease, renewalOf } from '../../contract/store/scripts/gateways.ts';
import type { Log } from '../observe/log.ts';
import type { GatewayRedis } from '../store/redis.ts';

/** A margin for the time between a look at the clock and what is done after it: this part of the lease. */
const SAFETY_SHARE = 0.05;

export interface LeaseListener {
  /** The lease has run out, by our clock or Redis's word: nothing may be delivered until `onJoined`. */
  onLost(): void;
  /** A new id is in force. `previous` is the one that was lost, undefined at start. */
  onJoined(previous: string | undefined): void;
  /** Leases of others that have run out. */
  onDead(gatewayIds: string[]): void;
}

/**
 * This gateway's right to hold sessions: an id with a lease in Redis, renewed well before its end. An id is never used
 * again: who lost its lease joins under a new one.
 */
export class Lease {
  gatewayId = '';
  lossCount = 0;
  renewalsMissed = 0;
  readonly #redis: GatewayRedis;
  readonly #keys: Keys;
  readonly #leaseMs: number;
  readonly #safetyMs: number;
  readonly #log: Log;
  readonly #facts: () => Record<string, string | number>;
  #listener: LeaseListener | undefined;
  #state: 'out' | 'held' | 'lost' | 'stopped' = 'out';
  /** Until when, by this process's monotonic clock, the lease surely holds. */
  #validUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isJoining = false;
  #joined: (() => void)[] = [];

  constructor(parts: {
    redis: GatewayRedis;
    keys: Keys;
    leaseMs: number;
    log: Log;
    facts: () => Record<string, string | number>;
  }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#leaseMs = parts.leaseMs;
    this.#safetyMs = parts.leaseMs * SAFETY_SHARE;
    this.#log = parts.log;
    this.#facts = parts.facts;
  }

  get isHeld(): boolean {
    return this.#state === 'held' && performance.now() < this.#validUntilMs;
  }

  /** How long the lease still holds, ms; 0 or less: not. */
  get remainingMs(): number {
    return this.#state === 'held' ? this.#validUntilMs - performance.now() : 0;
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
    if (this.#state === 'held' && performance.now() >= this.#validUntilMs) this.#lose('not renewed in time');
  }

  /** Gives up the lease before its time, and joins anew. */
  surrender(why: string): void {
    if (this.#state !== 'held') return;
    clearTimeout(this.#timer);
    this.#lose(why);
    void this.#rejoin();
  }

  /** Stops renewing; the lease itself is given up by the burial of the stop. */
  stop(): void {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
  }

  /** Resolves when another id than `gatewayId` is in force. */
  async joinedAfter(gatewayId: string): Promise<void> {
    while (this.gatewayId === gatewayId || this.#state !== 'held') {
      await new Promise<void>((resolve) => this.#joined.push(resolve));
    }
  }

  async #join(previous: string | undefined): Promise<void> {
    const id = `g${Date.now().toString(36)}${randomBytes(5).toString('hex')}`;
    const sentAt = performance.now();
    const answer = await holdLease(this.#redis, this.#keys, id, 'join', this.#leaseMs, this.#facts());
    if (this.#state === 'stopped') return;
    this.gatewayId = id;
    this.#hold(sentAt, answer === 'lost' ? [] : answer.dead);
    this.#log.info({ event: 'lease_joined', gateway: id, previous }, 'joined');
    this.#listener?.onJoined(previous);
    const joined = this.#joined;
    this.#joined = [];
    for (const resolve of joined) resolve();
  }

  #hold(sentAtMs: number, dead: string[]): void {
    this.#state = 'held';
    this.#validUntilMs = sentAtMs + this.#leaseMs - this.#safetyMs;
    this.#timer = setTimeout(() => void this.#renew(), renewalOf(this.#leaseMs));
    const others = dead.filter((id) => id !== this.gatewayId);
    if (others.length > 0) this.#listener?.onDead(others);
  }

  async #renew(): Promise<void> {
    const sentAt = performance.now();
    let answer: Awaited<ReturnType<typeof holdLease>>;
    try {
      answer = await holdLease(this.#redis, this.#keys, this.gatewayId, 'renew', this.#leaseMs, this.#facts());
    } catch (error) {
      this.renewalsMissed += 1;
      this.#log.warn({ event: 'lease_renewal_failed', error: String(error) }, 'could not renew the lease');
      if (this.#state !== 'stopped') this.#timer = setTimeout(() => void this.#renew(), renewalOf(this.#leaseMs) / 3);
      return;
    }
    if (this.#state === 'stopped') return;
    if (answer !== 'lost' && this.#state === 'held') return this.#hold(sentAt, answer.dead);
    if (this.#state === 'held') this.#lose('found expired');
    await this.#rejoin();
  }

  /** Loss is told at once; the new id comes as soon as Redis answers. */
  async #rejoin(): Promise<void> {
    if (this.#isJoining) return;
    this.#isJoining = true;
    try {
      await this.#join(this.gatewayId);
    } catch (error) {
      this.#log.warn({ event: 'lease_join_failed', error: String(error) }, 'could not join');
      this.#timer = setTimeout(() => void this.#rejoin(), renewalOf(this.#leaseMs) / 3);
    } finally {
      this.#isJoining = false;
    }
  }

  #lose(why: string): void {
    this.#state = 'lost';
    this.lossCount += 1;
    this.#log.error(
      { event: 'lease_lost', gateway: this.gatewayId, why },
      'lost the lease: nothing is delivered until it is back',
    );
    this.#listener?.onLost();
  }
}
