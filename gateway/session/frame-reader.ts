import { Decoded, FrameDecoder } from '../../contract/wire/frame.ts';
import { handle } from '../commands/dispatch.ts';
import { CloseReasons } from './close-reasons.ts';
import type { Session } from './session.ts';

/** Reasons for which a connection is not read. A bit each: it is read again when all are gone. */
export const Gate = { verifying: 1, routing: 2, rate: 4, upstream: 8, settling: 16 } as const;

/** A burst of twice the rate per second is let through. */
const BURST_SECONDS = 2;
const RATE_CHECK_MS = 100;

/** What a client sends: bytes in, frames to their handlers, as fast as they may come. */
export class Intake {
  /** When the client was last heard, ms of the process's clock. */
  heardAtMs: number;
  readonly #session: Session;
  readonly #decoder: FrameDecoder;
  #gates = 0;
  /** Since when a frame has begun whose end has not come; 0: none has. */
  #partialSinceMs = 0;
  readonly #messages: TokenBucket;
  /** What its messages cost Redis. */
  #work: TokenBucket | undefined;

  constructor(session: Session, nowMs: number) {
    const { config } = session.context;
    this.#session = session;
    this.#decoder = new FrameDecoder(config.maxFrameBytes);
    this.heardAtMs = nowMs;
    this.#messages = new TokenBucket(config.maxMessagesPerSecond, nowMs);
  }

  get isHeld(): boolean {
    return this.#gates !== 0;
  }

  /** Until when the frame that has begun must be there; never, while nothing is read. */
  get partialUntilMs(): number {
    if (this.#partialSinceMs === 0 || this.isHeld) return Number.POSITIVE_INFINITY;
    return this.#partialSinceMs + this.#session.context.config.frameTimeoutMs;
  }

  receive(chunk: Buffer): void {
    if (this.#session.state === 'closed') return;
    this.#session.context.counters.bytesIn += chunk.length;
    this.heardAtMs = performance.now();
    this.#decoder.push(chunk);
    this.#readOn();
  }

  /** Stops reading for a reason; what has come already waits. */
  hold(gate: number): void {
    if (this.#gates === 0) this.#session.socket.pause();
    this.#gates |= gate;
  }

  /** Goes on reading when no other reason is left. */
  release(gate: number): void {
    if ((this.#gates & gate) === 0) return;
    this.#gates &= ~gate;
    if (this.#gates !== 0 || this.#session.state === 'closed') return;
    this.heardAtMs = performance.now();
    // It could not have sent the rest meanwhile.
    if (this.#partialSinceMs > 0) this.#partialSinceMs = this.heardAtMs;
    this.#readOn();
    if (this.#gates === 0) this.#session.socket.resume();
  }

  /** For a session that is held for its rate: reads on when it may. Answers when to ask again, 0: it is not held for that. */
  refill(nowMs: number): number {
    if ((this.#gates & Gate.rate) === 0) return 0;
    if (this.#messages.has(1, nowMs) && this.#work?.has(1, nowMs) !== false) this.release(Gate.rate);
    return (this.#gates & Gate.rate) === 0 ? 0 : nowMs + RATE_CHECK_MS;
  }

  /** Read a frame, let the session judge it, apply its handler. */
  #readOn(): void {
    const session = this.#session;
    const decoder = this.#decoder;
    while (this.#gates === 0 && session.state !== 'closed') {
      const found = decoder.next();
      if (found === Decoded.incomplete) return this.#awaitRest();
      this.#partialSinceMs = 0;
      if (found === Decoded.invalid) return session.close(CloseReasons.badLength);
      session.context.counters.framesIn += 1;
      handle(session, decoder, session.context);
      if (session.state !== 'unverified') this.#pay();
    }
    if (session.state !== 'closed') decoder.detach();
  }

  #awaitRest(): void {
    if (this.#decoder.bufferedBytes === 0) this.#partialSinceMs = 0;
    else if (this.#partialSinceMs === 0) {
      this.#partialSinceMs = this.heardAtMs;
      this.#session.context.wheel.bringForward(this.#session, this.partialUntilMs);
    }
  }

  /** A session that is over its rate is slowed down by not being read. Nothing is dropped. */
  #pay(): void {
    if (!this.#messages.take(1)) this.#slowDown();
  }

  /** Likewise for what its messages cost Redis, in units of contract/store/work.ts. */
  payForWork(units: number): void {
    this.#work ??= new TokenBucket(this.#session.context.config.maxRoutedWorkPerSecond, performance.now());
    if (!this.#work.take(units)) this.#slowDown();
  }

  #slowDown(): void {
    const { counters, wheel } = this.#session.context;
    if ((this.#gates & Gate.rate) === 0) counters.throttled += 1;
    this.hold(Gate.rate);
    wheel.set(this.#session, performance.now() + RATE_CHECK_MS);
  }
}

/** Refills by the clock; one that has had too much at once goes below zero and must earn that first. Rate 0: never empty. */
class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = BURST_SECONDS * perSecond;
    this.#atMs = nowMs;
  }

  /** Returns whether there are some left. */
  take(count: number): boolean {
    if (this.#perSecond === 0) return true;
    this.#tokens -= count;
    return this.#tokens > 0 || this.has(Number.MIN_VALUE, performance.now());
  }

  has(count: number, nowMs: number): boolean {
    if (this.#perSecond === 0) return true;
    const refill = ((nowMs - this.#atMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(BURST_SECONDS * this.#perSecond, this.#tokens + refill);
    this.#atMs = nowMs;
    return this.#tokens >= count;
  }
}
