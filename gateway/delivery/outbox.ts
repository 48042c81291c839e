import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Connection } from '../net/connection.ts';
import type { Outgoing } from '../session/messages.ts';
import { type Join, joinFrames, type OutboxOwner, type SessionOutbox } from '../session/outbox-port.ts';
import { StalledBytes } from './stalled-bytes.ts';

const NOTHING = Buffer.alloc(0);
const NONE: readonly Outgoing[] = [];
const MAX_WRITE_BYTES = 262_144;

/** What an outbox needs of its connection. */
type Writes = Pick<Connection, 'destroyed' | 'writableLength' | 'write' | 'unsentBytes'>;

/**
 * What a connection has not been sent yet, gathered and written once per turn of the event loop.
 *
 *   gather ──► pending ──flush──► socket (kernel took all: written)
 *                                   └─ not all: writing, until the socket has drained
 *
 * While the kernel takes no more, everything stays here, where it is counted and can be taken back.
 */
export class Outbox implements SessionOutbox {
  #bytes = 0;
  #stalledSinceMs = 0;
  /** The last look at a stalled connection that found progress, and the bytes unsent then. */
  #progressAtMs = 0;
  #unsentBytes = 0;
  readonly #connection: Writes;
  readonly #owner: OutboxOwner;
  #pending: Outgoing[] | undefined;
  #writing: readonly Outgoing[] = NONE;
  #writingBytes = 0;
  /** `#writing` was handed to the connection, and it is not known yet how much of it the kernel took. */
  #isBegun = false;
  readonly #allStalled: StalledBytes;
  /** This outbox's share of `#allStalled`. */
  #counted = 0;

  constructor(connection: Writes, owner: OutboxOwner, allStalled = new StalledBytes(Number.POSITIVE_INFINITY)) {
    this.#connection = connection;
    this.#owner = owner;
    this.#allStalled = allStalled;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get stalledSinceMs(): number {
    return this.#stalledSinceMs;
  }

  lastProgressMs(nowMs: number): number {
    if (this.#stalledSinceMs === 0) return nowMs;
    const unsentBytes = this.#connection.unsentBytes();
    if (unsentBytes < this.#unsentBytes) this.#progressAtMs = nowMs;
    this.#unsentBytes = unsentBytes;
    return this.#progressAtMs;
  }

  get isEmpty(): boolean {
    return this.#pending === undefined && this.#writing.length === 0;
  }

  hasLast(item: Outgoing): boolean {
    const pending = this.#pending;
    return pending !== undefined && pending[pending.length - 1] === item;
  }

  gather(item: Outgoing): boolean {
    this.#bytes += item.frame(this.#owner.form).length;
    if (this.#stalledSinceMs > 0) this.#count();
    if (this.#pending === undefined) {
      this.#pending = [item];
      return true;
    }
    this.#pending.push(item);
    return false;
  }

  begin(join: Join): void {
    if (this.#pending === undefined || this.#writing.length > 0 || this.#connection.destroyed) return;
    this.#writing = this.#takePending(this.#pending);
    const bytes = join(this.#writing, this.#owner.form);
    this.#writingBytes = bytes.length;
    this.#isBegun = true;
    this.#connection.write(bytes);
  }

  finish(join: Join, nowMs: number): void {
    while (this.#isBegun) {
      this.#isBegun = false;
      // The kernel took all of it, or the rest waits in the connection.
      if (this.#connection.writableLength > 0) return this.#stall(join, nowMs);
      // It could not be sent: it stays here, to be taken back.
      if (this.#connection.destroyed) return;
      const items = this.#writing;
      this.#writing = NONE;
      this.#bytes -= this.#writingBytes;
      this.#owner.onWritten(items, this.#writingBytes);
      this.begin(join);
    }
    if (this.isEmpty) this.#owner.onCaughtUp();
  }

  flush(join: Join, nowMs: number): void {
    this.begin(join);
    this.finish(join, nowMs);
  }

  beginShared(bytes: Buffer): void {
    if (!this.#connection.destroyed) this.#connection.write(bytes);
  }

  finishShared(items: readonly Outgoing[], bytes: Buffer, nowMs: number): boolean {
    if (this.#connection.destroyed) return false;
    if (this.#connection.writableLength === 0) return true;
    this.#bytes += bytes.length;
    this.#writing = items;
    this.#writingBytes = bytes.length;
    this.#stall(memoisedJoin(), nowMs);
    return false;
  }

  /** Takes all, or as much as one write may have: a reader is slow when one write takes too long. */
  #takePending(pending: Outgoing[]): Outgoing[] {
    this.#pending = undefined;
    if (this.#bytes <= MAX_WRITE_BYTES) return pending;
    let bytes = 0;
    let end = 0;
    while (end < pending.length && (end === 0 || bytes < MAX_WRITE_BYTES)) {
      bytes += pending[end]?.frame(this.#owner.form).length ?? 0;
      end += 1;
    }
    if (end < pending.length) this.#pending = pending.slice(end);
    return pending.slice(0, end);
  }

  #stall(join: Join, nowMs: number): void {
    const items = this.#writing;
    this.#stalledSinceMs = nowMs;
    this.#progressAtMs = nowMs;
    this.#unsentBytes = this.#connection.unsentBytes();
    this.#count();
    this.#owner.onStalled();
    this.#connection.write(NOTHING, (error) => {
      if (!error) this.#onWritten(items, join);
    });
  }

  /** What is being written, and may have reached the client in part. */
  get writing(): readonly Outgoing[] {
    return this.#writing;
  }

  /** Takes back everything that was not handed to the kernel as a whole, in order. The outbox is empty after it. */
  takeBack(): readonly Outgoing[] {
    // What the kernel has is not ours any more.
    if (this.#isBegun) this.finish(joinFrames, performance.now());
    const items = this.#pending ? [...this.#writing, ...this.#pending] : this.#writing;
    this.#pending = undefined;
    this.#writing = NONE;
    this.#bytes = 0;
    this.#stalledSinceMs = 0;
    this.#count();
    return items;
  }

  /** Takes back the items that `which` picks, in order, of those that are not being written. */
  takeBackPending(which: (item: Outgoing) => boolean): readonly Outgoing[] {
    const kept: Outgoing[] = [];
    const taken: Outgoing[] = [];
    for (const item of this.#pending ?? NONE) (which(item) ? taken : kept).push(item);
    this.#pending = kept.length > 0 ? kept : undefined;
    this.#bytes = this.#writing.length > 0 ? this.#writingBytes : 0;
    for (const item of kept) this.#bytes += item.frame(this.#owner.form).length;
    this.#count();
    return taken;
  }

  #count(): void {
    const now = this.#stalledSinceMs > 0 ? this.#bytes : 0;
    this.#allStalled.add(now - this.#counted);
    this.#counted = now;
  }

  /** Items that were taken back meanwhile are not ours any more, and others may be on their way. */
  #onWritten(written: readonly Outgoing[], join: Join): void {
    if (this.#writing !== written) return;
    this.#writing = NONE;
    this.#bytes -= this.#writingBytes;
    this.#stalledSinceMs = 0;
    this.#count();
    this.#owner.onWritten(written, this.#writingBytes);
    this.flush(join, performance.now());
  }
}

/** A join that keeps its last result: the receivers of the same messages share one buffer. */
export function memoisedJoin(): Join {
  let lastItems: readonly Outgoing[] = NONE;
  let lastForm: SessionForm = 'plain';
  let last: Buffer = NOTHING;
  return (items, form) => {
    const first = items[0];
    if (items.length === 1 && first) return first.frame(form);
    if (form === lastForm && areSame(items, lastItems)) return last;
    last = joinFrames(items, form);
    lastItems = items;
    lastForm = form;
    return last;
  };
}

function areSame(items: readonly Outgoing[], others: readonly Outgoing[]): boolean {
  if (items.length !== others.length) return false;
  for (let i = 0; i < items.length; i += 1) if (items[i] !== others[i]) return false;
  return true;
}
