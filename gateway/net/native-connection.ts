import { type Connection, type ConnectionEvents, DISCARD } from './connection.ts';
import { RecordKind, Watched } from './native-binding.ts';

/** What holds of a connection. One bit each: a field for each would take eight bytes in every connection. */
const Flag = {
  paused: 1,
  /** Our side is to end, or has. */
  ending: 2,
  endSent: 4,
  /** The peer has ended its side, and the receiver may not have the event yet. */
  endRead: 8,
  endReported: 16,
} as const;
type Flag = (typeof Flag)[keyof typeof Flag];

/** What a connection needs of the network that it belongs to. */
export interface NativeSockets {
  /** Sends the gathered writes. */
  send(): void;
  /** Sends these bytes with those of other connections, at the end of the turn at the latest. */
  gather(connection: NativeConnection, socket: number, bytes: Buffer): void;
  /** Calls `onResent` at the next flush. */
  resend(connection: NativeConnection): void;
  watch(socket: number, before: number, after: number): boolean;
  shutdown(socket: number): boolean;
  closeSocket(socket: number): void;
  reportClosed(connection: NativeConnection): void;
}

/** A connection of `NativeNetwork`. */
export class NativeConnection implements Connection {
  events: ConnectionEvents = DISCARD;
  readonly remoteAddress: string;
  bytesRead = 0;
  bytesWritten = 0;
  /** Something of it is in what the network gathered. */
  isGathered = false;
  readonly network: NativeSockets;
  /** -1: closed. */
  #socket: number;
  #watched: number = Watched.read;
  #flags = 0;
  /** Arrived while nothing may be reported. */
  #held: Buffer | undefined;
  /** What the kernel did not take, in order. */
  #queue: Buffer[] | undefined;
  #queuedBytes = 0;
  /** To be called when the kernel has taken everything. */
  #onceWritable: ((error?: Error | null) => void)[] | undefined;

  constructor(network: NativeSockets, socket: number, remoteAddress: string) {
    this.network = network;
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
  }

  #is(flag: Flag): boolean {
    return (this.#flags & flag) !== 0;
  }

  get destroyed(): boolean {
    return this.#socket < 0;
  }

  get isQueued(): boolean {
    return this.#queue !== undefined;
  }

  get writableLength(): number {
    if (this.isGathered) this.network.send();
    return this.#queuedBytes;
  }

  /** Tries again first: the kernel says that it takes more only when a third of its buffer is free. */
  unsentBytes(): number {
    if (this.isGathered) this.network.send();
    this.#onWritable();
    return this.writableLength;
  }

  write(bytes: Buffer, taken?: (error?: Error | null) => void): void {
    if (this.#socket < 0 || this.#is(Flag.ending)) return;
    this.bytesWritten += bytes.length;
    if (this.#queue !== undefined) this.queue(bytes);
    else if (bytes.length > 0) this.network.gather(this, this.#socket, bytes);
    if (taken === undefined) return;
    if (this.writableLength === 0) process.nextTick(taken);
    else if (this.#onceWritable === undefined) this.#onceWritable = [taken];
    else this.#onceWritable.push(taken);
  }

  pause(): void {
    // The socket is read until something comes: a silent connection costs no call.
    this.#flags |= Flag.paused;
  }

  resume(): void {
    if (!this.#is(Flag.paused)) return;
    this.#flags &= ~Flag.paused;
    if (this.#held !== undefined || this.#is(Flag.endRead)) process.nextTick(reportHeld, this);
    else this.#readOn();
  }

  end(bytes?: Buffer): void {
    if (this.#is(Flag.ending) || this.#socket < 0) return;
    if (bytes) this.write(bytes);
    this.#flags |= Flag.ending;
    if (this.writableLength === 0) this.#sendEnd();
  }

  destroy(): void {
    if (this.#socket < 0) return;
    if (this.isGathered) this.network.send();
    const socket = this.#socket;
    if (socket < 0) return;
    this.#socket = -1;
    this.#queue = undefined;
    this.#queuedBytes = 0;
    this.#held = undefined;
    this.#onceWritable = undefined;
    // Closing takes it out of epoll, too.
    this.network.closeSocket(socket);
    process.nextTick(reportClosed, this);
  }

  // --- for its network

  onRecord(kind: number | undefined, value: number, arena: Buffer, bytes: number): void {
    if (kind === RecordKind.bytes) this.#onBytes(arena.subarray(value, value + bytes));
    else if (kind === RecordKind.ended) this.#onEnded();
    else if (kind === RecordKind.writable) this.#onWritable();
    else if (kind === RecordKind.failed) this.destroy();
  }

  /** `taken`: the number of these bytes that the kernel took; below 0: the connection is lost. */
  onSent(bytes: Buffer, taken: number): void {
    this.isGathered = false;
    if (this.#socket < 0) return;
    if (taken < 0) return this.destroy();
    if (taken < bytes.length) this.queue(taken === 0 ? bytes : bytes.subarray(taken));
  }

  queue(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#queue === undefined) {
      this.#queue = [];
      this.#watch(this.#watched | Watched.write);
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** What was queued has been tried again. */
  onResent(): void {
    if (this.#socket < 0 || this.#queue !== undefined) return;
    this.#watch(this.#watched & ~Watched.write);
    const onceWritable = this.#onceWritable;
    this.#onceWritable = undefined;
    if (this.#is(Flag.ending)) this.#sendEnd();
    if (onceWritable) for (const taken of onceWritable) taken();
  }

  reportHeld(): void {
    if (this.#is(Flag.paused) || this.#socket < 0) return;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.events.receive(held);
    if (this.#is(Flag.paused) || this.#socket < 0) return;
    if (this.#is(Flag.endRead)) this.#reportEnd();
    else this.#readOn();
  }

  #onBytes(chunk: Buffer): void {
    this.bytesRead += chunk.length;
    if (!this.#is(Flag.paused) && this.#held === undefined) return this.events.receive(chunk);
    this.#held = this.#held === undefined ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    this.#watch(this.#watched & ~Watched.read);
  }

  #onEnded(): void {
    this.#flags |= Flag.endRead;
    this.#watch(this.#watched & ~Watched.read);
    if (!this.#is(Flag.paused) && this.#held === undefined) this.#reportEnd();
  }

  #reportEnd(): void {
    if (this.#is(Flag.endReported)) return;
    this.#flags |= Flag.endReported;
    this.events.onEnd();
    if (this.#is(Flag.endSent)) this.destroy();
  }

  #onWritable(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#queue = undefined;
    this.#queuedBytes = 0;
    for (const bytes of queue) {
      if (this.#queue === undefined) this.network.gather(this, this.#socket, bytes);
      else this.queue(bytes);
    }
    this.network.resend(this);
  }

  #readOn(): void {
    if (!this.#is(Flag.endRead)) this.#watch(this.#watched | Watched.read);
  }

  #sendEnd(): void {
    if (this.#is(Flag.endSent) || this.#socket < 0) return;
    this.#flags |= Flag.endSent;
    if (!this.network.shutdown(this.#socket) || this.#is(Flag.endReported)) this.destroy();
  }

  #watch(what: number): void {
    if (what === this.#watched || this.#socket < 0) return;
    const before = this.#watched;
    this.#watched = what;
    // Without being watched it would hang for ever.
    if (!this.network.watch(this.#socket, before, what)) this.destroy();
  }
}

function reportHeld(connection: NativeConnection): void {
  connection.reportHeld();
}

function reportClosed(connection: NativeConnection): void {
  connection.network.reportClosed(connection);
}
