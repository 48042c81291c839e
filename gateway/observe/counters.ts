import type { CloseReason } from '../session/close-reasons.ts';

/** Plain numbers that the hot paths add to; metrics read them when they are asked for. */
export class Counters {
  accepts = 0;
  framesIn = 0;
  framesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  verified = 0;
  refusedVerifies = 0;
  delayedVerifies = 0;
  badFrames = 0;
  throttled = 0;
  deliveredDirect = 0;
  deliveredInbox = 0;
  deliveredMailbox = 0;
  deliveredBroadcast = 0;
  acknowledged = 0;
  stashed = 0;
  routed = 0;
  deadLetters = 0;
  queueTaken = 0;
  slowReaders = 0;
  leaseLosses = 0;
  burials = 0;
  readonly closes = new Map<string, number>();
  readonly refusedConnections = new Map<string, number>();

  get delivered(): number {
    return this.deliveredDirect + this.deliveredInbox + this.deliveredMailbox + this.deliveredBroadcast;
  }

  closed(reason: CloseReason): void {
    this.closes.set(reason.name, (this.closes.get(reason.name) ?? 0) + 1);
  }

  refusedConnection(reason: CloseReason): void {
    this.refusedConnections.set(reason.name, (this.refusedConnections.get(reason.name) ?? 0) + 1);
  }
}
