import type { Refusal } from '../../contract/wire/refusals.ts';
import { DEPTHS, Histogram, QUICK_MS, SLOW_MS } from '../../shared/histogram.ts';
import type { ConnectionRefusal } from '../net/listener.ts';
import type { CloseReason } from '../session/close-reasons.ts';
import type { Origin } from '../session/messages.ts';
import { AnswerTimes } from './answer-times.ts';

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
  /** Messages that ask, handed to the kernel for clients that can reply. */
  asked = 0;
  /** Replies that are in the receipts of their asks, and those that were passed over: late, repeated, or to nothing. */
  replied = 0;
  repliesPassedOver = 0;
  stashed = 0;
  /** Scheduled commands that this gateway released. */
  released = 0;
  routed = 0;
  /** Calls of the route script that failed, and commands that it does not take. */
  routeFailures = 0;
  routesRefused = 0;
  deadLetters = 0;
  unreadRecords = 0;
  queueTaken = 0;
  slowReaders = 0;
  /** Sessions that were served from their mailbox from then on: for their own outbox, and for all of them together. */
  behindSession = 0;
  behindAll = 0;
  burials = 0;
  /** What is to be added to our clock to have Redis's, ms: message ids are made by that one. */
  redisOffsetMs = 0;
  /** From the frame to the verdict. */
  readonly verifyMs = new Histogram(QUICK_MS);
  /** Messages from the mailbox of a user that verified. */
  readonly mailboxDepth = new Histogram(DEPTHS);
  /** From accepted by Redis to handed to the kernel, of those that came by the inbox. */
  readonly liveMs = new Histogram(QUICK_MS);
  /** The same of those that waited in a mailbox. */
  readonly storedMs = new Histogram(SLOW_MS);
  readonly acknowledgements = new AnswerTimes();
  readonly replyTimes = new AnswerTimes();
  readonly refusals = new Map<Refusal, number>();
  readonly closes = new Map<string, number>();
  readonly refusedConnections = new Map<string, number>();

  get delivered(): number {
    return this.deliveredDirect + this.deliveredInbox + this.deliveredMailbox + this.deliveredBroadcast;
  }

  /** A message was handed to the kernel. `nowMs` by this machine's wall clock. */
  wrote({ id, origin }: { id: number; origin: Origin }, acknowledges: boolean, nowMs: number): void {
    if (origin === 'direct') this.deliveredDirect += 1;
    else if (origin === 'mailbox') this.deliveredMailbox += 1;
    else if (origin === 'broadcast') this.deliveredBroadcast += 1;
    else this.deliveredInbox += 1;
    // One that went straight from socket to socket has no id, and took no time worth to be measured.
    if (id === 0) return;
    const tookMs = Math.max(0, nowMs + this.redisOffsetMs - id / 1_024);
    if (origin === 'mailbox') this.storedMs.record(tookMs);
    else this.liveMs.record(tookMs);
    if (acknowledges) this.acknowledgements.wrote(id, nowMs);
  }

  /** `messages` without an id, joined to `bytes`, were handed to the kernel for each of `receivers`. */
  wroteToMany(messages: number, bytes: number, receivers: number): void {
    this.framesOut += messages * receivers;
    this.bytesOut += bytes * receivers;
    this.deliveredBroadcast += messages * receivers;
  }

  acknowledge(ids: readonly string[], nowMs: number): void {
    this.acknowledged += ids.length;
    for (const id of ids) this.acknowledgements.answered(Number(id), nowMs);
  }

  wroteAsk(id: number, nowMs: number): void {
    this.asked += 1;
    this.replyTimes.wrote(id, nowMs);
  }

  reply(ask: string, nowMs: number): void {
    this.replyTimes.answered(Number(ask), nowMs);
  }

  /** `counted`: how many of the `replies` that were written to Redis counted. */
  repliesWritten(replies: number, counted: number): void {
    this.replied += counted;
    this.repliesPassedOver += replies - counted;
  }

  refused(refusal: Refusal): void {
    this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
  }

  closed(reason: CloseReason): void {
    this.closes.set(reason.name, (this.closes.get(reason.name) ?? 0) + 1);
  }

  refusedConnection(cause: ConnectionRefusal): void {
    this.refusedConnections.set(cause, (this.refusedConnections.get(cause) ?? 0) + 1);
  }
}
