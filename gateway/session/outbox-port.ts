import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Connection } from '../net/connection.ts';
import type { Outgoing } from './messages.ts';

/** Joins the frames of one flush. */
export type Join = (items: readonly Outgoing[], form: SessionForm) => Buffer;

/** A join for one session alone. Buffer.concat needs a list of the frames first, and half as long again (Node 24). */
export const joinFrames: Join = (items, form) => {
  let bytes = 0;
  for (const item of items) bytes += item.frame(form).length;
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const item of items) {
    const frame = item.frame(form);
    joined.set(frame, at);
    at += frame.length;
  }
  return joined;
};

/** Owns an outbox, and learns what became of the items that it gathered. */
export interface OutboxOwner {
  readonly form: SessionForm;
  /** These were handed to the kernel, in order. */
  onWritten(items: readonly Outgoing[], bytes: number): void;
  /** The kernel does not take more for now. */
  onStalled(): void;
  /** Everything was handed over. */
  onCaughtUp(): void;
}

/** What a session needs of its outbox. */
export interface SessionOutbox {
  /** Bytes that the kernel has not taken yet. */
  readonly bytes: number;
  /** When the kernel stopped taking bytes, ms of the process's clock; 0: it takes them. */
  readonly stalledSinceMs: number;
  /** When the kernel was last seen taking bytes; `nowMs` if nothing waits. Progress is seen by the next call after it. */
  lastProgressMs(nowMs: number): number;
  readonly isEmpty: boolean;
  /** What is being written, and may have reached the client in part. */
  readonly writing: readonly Outgoing[];
  /** Whether this is the item that was gathered last, and has not been written yet. */
  hasLast(item: Outgoing): boolean;
  /** Returns whether this is the first item of the turn: then a flush has to be scheduled. */
  gather(item: Outgoing): boolean;
  /** Begins to write the gathered messages. `finish` must follow: the network's flush between them sends for many connections at once. */
  begin(join: Join): void;
  /** Learns what the kernel took, and goes on until everything is written or the kernel takes no more. */
  finish(join: Join, nowMs: number): void;
  /** Both at once. */
  flush(join: Join, nowMs: number): void;
  /** To be called while the outbox is empty: begins to write what many receivers share; see delivery/broadcast.ts. */
  beginShared(bytes: Buffer): void;
  /**
   * Must follow `beginShared`; `items` joined are `bytes`. Returns whether the kernel took all of it; else it waits here like anything
   * else.
   */
  finishShared(items: readonly Outgoing[], bytes: Buffer, nowMs: number): boolean;
  takeBack(): readonly Outgoing[];
  takeBackPending(which: (item: Outgoing) => boolean): readonly Outgoing[];
}

export type MakeOutbox = (connection: Connection, owner: OutboxOwner) => SessionOutbox;
