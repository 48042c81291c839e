/**
 * Frames of the TCP protocol (docs/protocol.md).
 *
 *   0        4        8        12                     length
 *   ┌────────┬────────┬────────┬──────────────────────┐
 *   │ length │ version│ command│ body: UTF-8 JSON or   │
 *   │  u32be │  u32be │  u32be │ nothing               │
 *   └────────┴────────┴────────┴──────────────────────┘
 *   `length` counts the header too.
 */
export const HEADER_BYTES = 12;
export const DEFAULT_MAX_FRAME_BYTES = 65_536;

const EMPTY = Buffer.alloc(0);

/** One frame as bytes. `body` is text to be sent as UTF-8, or bytes that already are. */
export function encodeFrame(version: number, commandId: number, body: string | Uint8Array = ''): Buffer {
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const frame = allocateFrame(version, commandId, bodyBytes);
  if (typeof body === 'string') frame.write(body, HEADER_BYTES);
  else frame.set(body, HEADER_BYTES);
  return frame;
}

/** A frame whose body is to be written behind its header, all of it. */
export function allocateFrame(version: number, commandId: number, bodyBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(version, 4);
  frame.writeUInt32BE(commandId, 8);
  return frame;
}

export function versionOf(frame: Buffer): number {
  return frame.readUInt32BE(4);
}

export function commandIdOf(frame: Buffer): number {
  return frame.readUInt32BE(8);
}

/** The result of `next()`: "not enough bytes yet" is a value, not an error. */
export const Decoded = { incomplete: 0, frame: 1, invalid: 2 } as const;
export type Decoded = (typeof Decoded)[keyof typeof Decoded];

/**
 * Stateful decoder: `push` a chunk, then call `next` until it no longer returns `frame`.
 * A frame that lies whole in its chunk is decoded in place; only one that is split is copied.
 *
 * After `frame` the fields below describe it. `body` is a view that is valid until the following
 * `next` or `push`: copy it to keep it. After `invalid` nothing is emitted any more.
 */
export class FrameDecoder {
  version = 0;
  commandId = 0;
  /** The `length` member of the current or the offending frame, header included. */
  length = 0;

  #maxFrameBytes: number;
  #chunk: Buffer = EMPTY;
  #position = 0;
  /** Start of a frame whose end has not arrived: its first `#heldBytes` bytes. Grows by doubling, bounded by the frame. */
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #bodySource: Buffer = EMPTY;
  #bodyStart = 0;
  #invalid = false;

  constructor(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Takes effect from the next header on. */
  set maxFrameBytes(bytes: number) {
    this.#maxFrameBytes = bytes;
  }

  get body(): Buffer {
    return this.#bodySource.subarray(this.#bodyStart, this.#bodyStart + this.bodyBytes);
  }

  /** The body is these bytes of it: `bodyBytes` from `bodyStart` on. */
  get bodySource(): Buffer {
    return this.#bodySource;
  }

  get bodyStart(): number {
    return this.#bodyStart;
  }

  get bodyBytes(): number {
    return this.length - HEADER_BYTES;
  }

  /** Bytes received and not yet decoded. */
  get bufferedBytes(): number {
    return this.#heldBytes + this.#chunk.length - this.#position;
  }

  /** The chunk before it must have been read to `incomplete` (or been detached). */
  push(chunk: Uint8Array): void {
    if (this.#invalid) return;
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const rest = this.#chunk.length - this.#position;
    this.#chunk = rest === 0 ? bytes : Buffer.concat([this.#chunk.subarray(this.#position), bytes]);
    this.#position = 0;
  }

  /** Copies the unread bytes, so that the chunk may be reused while decoding pauses. The last frame is not valid any more. */
  detach(): void {
    if (this.#position >= this.#chunk.length) {
      this.#drop();
      return;
    }
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#position));
    this.#position = 0;
  }

  next(): Decoded {
    if (this.#invalid) return Decoded.invalid;
    return this.#heldBytes > 0 ? this.#nextSplit() : this.#nextInPlace();
  }

  #nextInPlace(): Decoded {
    const available = this.#chunk.length - this.#position;
    if (available === 0) return this.#drop();
    if (available < HEADER_BYTES) return this.#hold(available);
    if (!this.#readHeader(this.#chunk, this.#position)) return Decoded.invalid;
    if (available < this.length) return this.#hold(available);
    return this.#emit(this.#chunk, this.#position, this.length);
  }

  #nextSplit(): Decoded {
    if (this.#heldBytes < HEADER_BYTES) {
      this.#take(HEADER_BYTES - this.#heldBytes);
      if (this.#heldBytes < HEADER_BYTES) return this.#drop();
    }
    if (!this.#readHeader(this.#held, 0)) return Decoded.invalid;
    this.#take(this.length - this.#heldBytes);
    if (this.#heldBytes < this.length) return this.#drop();
    const whole = this.#held;
    this.#held = EMPTY;
    this.#heldBytes = 0;
    return this.#emit(whole, 0, 0);
  }

  /** Checks the length before waiting for the body (hostile lengths cost nothing). */
  #readHeader(bytes: Buffer, at: number): boolean {
    this.length = bytes.readUInt32BE(at);
    this.version = bytes.readUInt32BE(at + 4);
    this.commandId = bytes.readUInt32BE(at + 8);
    this.#invalid = this.length < HEADER_BYTES || this.length > this.#maxFrameBytes;
    if (this.#invalid) {
      this.#position = this.#chunk.length;
      this.#drop();
      this.#held = EMPTY;
      this.#heldBytes = 0;
    }
    return !this.#invalid;
  }

  #emit(source: Buffer, frameStart: number, consumed: number): Decoded {
    this.#bodySource = source;
    this.#bodyStart = frameStart + HEADER_BYTES;
    this.#position += consumed;
    return Decoded.frame;
  }

  #hold(bytes: number): Decoded {
    this.#take(bytes);
    return this.#drop();
  }

  /** Moves up to `wanted` bytes of the chunk behind the held ones. */
  #take(wanted: number): void {
    const bytes = Math.min(wanted, this.#chunk.length - this.#position);
    const needed = this.#heldBytes + bytes;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * needed, this.#maxFrameBytes)));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    this.#chunk.copy(this.#held, this.#heldBytes, this.#position, this.#position + bytes);
    this.#heldBytes = needed;
    this.#position += bytes;
  }

  /** Releases a chunk that has been read to its end, so that an idle connection keeps no slab alive. */
  #drop(): Decoded {
    if (this.#position >= this.#chunk.length) {
      this.#chunk = EMPTY;
      this.#position = 0;
    }
    this.#bodySource = EMPTY;
    return Decoded.incomplete;
  }
}
