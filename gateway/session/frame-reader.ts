import { Decoded, FrameDecoder } from '../../contract/wire/frame.ts';
import { TokenBucket } from '../../shared/time/token-bucket.ts';
import type { Connection } from '../net/connection.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import type { Timed, Wheel } from './wheel.ts';

/** Why a connection is not read. One bit each: it is read again when no reason is left. */
export const PauseReason = { verifying: 1, routing: 2, rate: 4, upstream: 8, acknowledging: 16 } as const;
export type PauseReason = (typeof PauseReason)[keyof typeof PauseReason];

/** Of a frame before the verify (docs/protocol.md): no token is needed to send one. */
const MAX_UNVERIFIED_FRAME_BYTES = 8_192;
/** Burst allowance, in seconds' worth of messages. */
const BURST_SECONDS = 2;
const RATE_CHECK_MS = 100;

/** A frame as it is handled. `body` is valid only during the call. */
export interface Frame {
  readonly version: number;
  readonly commandId: number;
  readonly bodyBytes: number;
  readonly body: Buffer;
  /** The same bytes without a view of their own: `bodyBytes` of them, from `bodyStart` on. */
  readonly bodySource: Buffer;
  readonly bodyStart: number;
}

/** The owner of the bytes that are read: a session. */
export interface FrameConsumer extends Timed {
  readonly connection: Pick<Connection, 'pause' | 'resume'>;
  readonly isClosed: boolean;
  readonly isVerified: boolean;
  handle(frame: Frame): void;
  /** The client sends no more, and everything that it sent has been handled. */
  finish(): void;
  close(reason: CloseReason): void;
}

/** What all frame readers of a gateway share. */
export interface FrameReaderParts {
  readonly settings: {
    readonly maxFrameBytes: number;
    readonly frameTimeoutMs: number;
    /** What connections that are not verified may have sent, all together. */
    readonly maxUnverifiedBytes: number;
    /** 0: any number. */
    readonly maxMessagesPerSecond: number;
    /** Of the work that messages cause in Redis, in units of contract/store/work.ts; 0: any amount. */
    readonly maxRoutedWorkPerSecond: number;
  };
  readonly counters: { bytesIn: number; framesIn: number; throttled: number };
  readonly wheel: Pick<Wheel, 'set' | 'bringForward'>;
  /** Bytes that connections have sent which are not verified. */
  readonly unverifiedBytes: { total: number };
  readonly decoders: Decoders;
}

/** More of them are needed only for a moment. */
const MAX_IDLE_DECODERS = 16;

/** Decoders without bytes: a reader takes one for as long as it has bytes, which is mostly the time of one call. */
export class Decoders {
  readonly #idle: FrameDecoder[] = [];

  take(): FrameDecoder {
    return this.#idle.pop() ?? new FrameDecoder();
  }

  give(decoder: FrameDecoder): void {
    if (this.#idle.length < MAX_IDLE_DECODERS) this.#idle.push(decoder);
  }
}

/** Turns the bytes of one connection into frames, and hands them on as fast as the connection may send. */
export class FrameReader {
  readonly #parts: FrameReaderParts;
  readonly #consumer: FrameConsumer;
  /** Undefined: there are no bytes. */
  #decoder: FrameDecoder | undefined;
  #pauseReasons = 0;
  /** Our share of `parts.unverifiedBytes`. */
  #unverifiedBytes = 0;
  #hasEnded = false;
  #heardAtMs: number;
  /** When the incomplete frame began; 0: none. */
  #partialSinceMs = 0;
  /** From the first frame after the verify on. */
  #messages: TokenBucket | undefined;
  /** From the first message on that causes work in Redis. */
  #work: TokenBucket | undefined;

  constructor(parts: FrameReaderParts, consumer: FrameConsumer, nowMs: number) {
    this.#parts = parts;
    this.#consumer = consumer;
    this.#heardAtMs = nowMs;
  }

  /** The client is verified: its frames may be of full size. */
  onVerified(): void {
    this.#countUnverified(0);
    if (this.#decoder !== undefined) this.#decoder.maxFrameBytes = this.#parts.settings.maxFrameBytes;
  }

  onClosed(): void {
    this.#countUnverified(0);
  }

  get isPaused(): boolean {
    return this.#pauseReasons !== 0;
  }

  /** When the bytes came that are handled now, ms of the process's clock. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** When the client was last heard, ms of the process's clock. A client that is not read counts as heard. */
  lastHeardMs(nowMs: number): number {
    if (this.isPaused) this.#heardAtMs = nowMs;
    return this.#heardAtMs;
  }

  /** When the frame that has begun must be complete; never, while nothing is read. */
  get partialUntilMs(): number {
    if (this.#partialSinceMs === 0 || this.isPaused) return Number.POSITIVE_INFINITY;
    return this.#partialSinceMs + this.#parts.settings.frameTimeoutMs;
  }

  receive(chunk: Buffer): void {
    if (this.#consumer.isClosed) return;
    this.#parts.counters.bytesIn += chunk.length;
    this.#heardAtMs = performance.now();
    this.#decoder ??= this.#takenDecoder();
    this.#decoder.push(chunk);
    this.#readFrames();
    const consumer = this.#consumer;
    if (!consumer.isVerified && !consumer.isClosed) this.#countUnverified(this.#bufferedBytes);
  }

  /** The client has shut down its sending side. Whole frames that came before are handled, also while reading is paused. */
  end(): void {
    this.#hasEnded = true;
    this.#readFrames();
  }

  /** Stops reading for a reason; bytes that have arrived already wait. */
  pause(reason: PauseReason): void {
    if (this.#pauseReasons === 0) this.#consumer.connection.pause();
    this.#pauseReasons |= reason;
  }

  /** Reads on when no other reason is left. */
  resume(reason: PauseReason): void {
    if ((this.#pauseReasons & reason) === 0) return;
    this.#pauseReasons &= ~reason;
    if (this.#pauseReasons !== 0 || this.#consumer.isClosed) return;
    this.#heardAtMs = performance.now();
    // The client could not send the rest of a frame meanwhile.
    if (this.#partialSinceMs > 0) this.#partialSinceMs = this.#heardAtMs;
    this.#readFrames();
    if (this.#pauseReasons === 0) this.#consumer.connection.resume();
  }

  /** Reads on when the rate allows it again. Returns when to ask the next time; 0: the rate is no reason to wait. */
  refill(nowMs: number): number {
    if ((this.#pauseReasons & PauseReason.rate) === 0) return 0;
    const hasTokens = (this.#messages?.refill(nowMs) ?? 1) >= 1 && (this.#work?.refill(nowMs) ?? 1) >= 1;
    if (hasTokens) this.resume(PauseReason.rate);
    return (this.#pauseReasons & PauseReason.rate) === 0 ? 0 : nowMs + RATE_CHECK_MS;
  }

  #readFrames(): void {
    const consumer = this.#consumer;
    while (this.#pauseReasons === 0 && !consumer.isClosed) {
      const decoder = this.#decoder;
      const found = decoder === undefined ? Decoded.incomplete : decoder.next();
      if (decoder === undefined || found === Decoded.incomplete) {
        this.#giveDecoder();
        return this.#hasEnded ? consumer.finish() : this.#awaitRest();
      }
      this.#partialSinceMs = 0;
      if (found === Decoded.invalid) return consumer.close(CloseReasons.badLength);
      this.#parts.counters.framesIn += 1;
      consumer.handle(decoder);
      if (consumer.isVerified) this.#takeToken();
    }
    if (consumer.isClosed) return;
    this.#decoder?.detach();
    this.#giveDecoder();
  }

  #takenDecoder(): FrameDecoder {
    const { decoders, settings } = this.#parts;
    const decoder = decoders.take();
    decoder.maxFrameBytes = this.#consumer.isVerified
      ? settings.maxFrameBytes
      : Math.min(MAX_UNVERIFIED_FRAME_BYTES, settings.maxFrameBytes);
    return decoder;
  }

  #giveDecoder(): void {
    if (this.#decoder === undefined || this.#decoder.bufferedBytes > 0) return;
    this.#parts.decoders.give(this.#decoder);
    this.#decoder = undefined;
  }

  get #bufferedBytes(): number {
    return this.#decoder?.bufferedBytes ?? 0;
  }

  /** Bytes of connections that are not verified have a bound all together: the one that exceeds it is closed. */
  #countUnverified(bytes: number): void {
    const { unverifiedBytes, settings } = this.#parts;
    unverifiedBytes.total += bytes - this.#unverifiedBytes;
    this.#unverifiedBytes = bytes;
    if (bytes > 0 && unverifiedBytes.total > settings.maxUnverifiedBytes)
      this.#consumer.close(CloseReasons.unverifiedFull);
  }

  #awaitRest(): void {
    if (this.#bufferedBytes === 0) this.#partialSinceMs = 0;
    else if (this.#partialSinceMs === 0) {
      this.#partialSinceMs = this.#heardAtMs;
      this.#parts.wheel.bringForward(this.#consumer, this.partialUntilMs);
    }
  }

  /** A session over its rate is slowed down: it is not read. No frame is dropped. */
  #takeToken(): void {
    const { maxMessagesPerSecond: max } = this.#parts.settings;
    if (max === 0) return;
    this.#messages ??= new TokenBucket(max, BURST_SECONDS * max, this.#heardAtMs);
    if (this.#messages.take() <= 0) this.#slowDownIfEmpty(this.#messages);
  }

  /** Likewise for the work that its messages cause in Redis. */
  payForWork(units: number): void {
    const { maxRoutedWorkPerSecond: max } = this.#parts.settings;
    if (max === 0) return;
    this.#work ??= new TokenBucket(max, BURST_SECONDS * max, this.#heardAtMs);
    if (this.#work.take(units) <= 0) this.#slowDownIfEmpty(this.#work);
  }

  #slowDownIfEmpty(bucket: TokenBucket): void {
    const nowMs = performance.now();
    if (bucket.refill(nowMs) > 0) return;
    const { counters, wheel } = this.#parts;
    if ((this.#pauseReasons & PauseReason.rate) === 0) counters.throttled += 1;
    this.pause(PauseReason.rate);
    wheel.set(this.#consumer, nowMs + RATE_CHECK_MS);
  }
}
