import { Decoded, FrameDecoder } from '../../contract/wire/frame.ts';
import { handle } from '../commands/dispatch.ts';
import { CloseReasons } from './close-reasons.ts';
import type { Session } from './session.ts';

/** Reasons for which a connection is not read. A bit each: it is read again when all are gone. */
export const Gate = { verifying: 1, routing: 2, rate: 4, upstream: 8 } as const;

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
  #allowance: number;
  #allowanceAtMs: number;

  constructor(session: Session, nowMs: number) {
    const { config } = session.context;
    this.#session = session;
    this.#decoder = new FrameDecoder(config.maxFrameBytes);
    this.heardAtMs = nowMs;
    this.#allowance = BURST_SECONDS * config.maxMessagesPerSecond;
    this.#allowanceAtMs = nowMs;
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
    this.#earn(nowMs);
    if (this.#allowance >= 1) this.release(Gate.rate);
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

  /** Token bucket: a session that is over its rate is slowed down by not being read. Nothing is dropped. */
  #pay(): void {
    const { config, counters, wheel } = this.#session.context;
    if (config.maxMessagesPerSecond === 0) return;
    this.#allowance -= 1;
    if (this.#allowance > 0) return;
    this.#earn(performance.now());
    if (this.#allowance > 0) return;
    counters.throttled += 1;
    this.hold(Gate.rate);
    wheel.set(this.#session, performance.now() + RATE_CHECK_MS);
  }

  #earn(nowMs: number): void {
    const rate = this.#session.context.config.maxMessagesPerSecond;
    const earned = ((nowMs - this.#allowanceAtMs) * rate) / 1_000;
    this.#allowance = Math.min(BURST_SECONDS * rate, this.#allowance + earned);
    this.#allowanceAtMs = nowMs;
  }
}
