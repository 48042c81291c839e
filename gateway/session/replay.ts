import type { MailboxMessage } from '../../contract/store/scripts/mailbox.ts';
import { APPLICATION_DOWN } from '../../contract/wire/command-ids.ts';
import { Message, type Outgoing } from '../delivery/messages.ts';
import { CloseReasons } from './close-reasons.ts';
import type { Session } from './session.ts';

/** A predecessor that is dead is buried by then, many leases over; one that lives hands over in a few milliseconds. */
const PREDECESSOR_PATIENCE_LEASES = 3;

export interface ReplayStart {
  /** Only ids above this. */
  after: string;
  /** `lost` that the 101 told. */
  lost?: number;
  /** What has to come first: the outbox to be empty, or the word that the session before this one has put everything back. */
  waitFor: 'outbox' | 'predecessor';
  /** Broadcasts that are due to the user and were not sent yet, in order. */
  held?: readonly Message[];
}

/**
 * Serves a session from its mailbox, page by page at the pace of its reader, until the mailbox is empty; then the
 * session is live. What comes meanwhile is not sent: it goes to the mailbox too, or is there already, so that the order
 * of ids is kept and memory is bounded. Broadcasts are not stored: they are held back, and sent where their id belongs.
 */
export class Replay {
  readonly #session: Session;
  #after: string;
  #lostToTell: number;
  #state: 'predecessor' | 'outbox' | 'reading' | 'over' = 'outbox';
  #waitsUntilMs = Number.POSITIVE_INFINITY;
  /** Something was put into the mailbox since the last page was asked for. */
  #again = false;
  #wasPoked = false;
  /** It may be older than what was read already. */
  #fromStart = false;
  /** The predecessor has had its time. */
  #waitsForNobody = false;
  /** What was written so far leaves the mailbox before the next page is read, or it would be sent once more. */
  #settled: Promise<void> = Promise.resolve();
  #held: Message[] = [];
  #heldBytes = 0;

  constructor(session: Session, start: ReplayStart) {
    this.#session = session;
    this.#after = start.after;
    this.#lostToTell = start.lost ?? 0;
    for (const message of start.held ?? []) this.#hold(message);
    if (start.waitFor === 'predecessor') this.#waitForPredecessor();
  }

  start(): void {
    if (this.#state === 'outbox') this.onCaughtUp();
  }

  /** What came for the session while it is not live. */
  postpone(message: Message): void {
    const { userId, epoch, context } = this.#session;
    if (message.origin === 'broadcast') return this.#hold(message);
    this.#again = true;
    const { undelivered } = message;
    if (undelivered === undefined) return message.settle?.(userId, epoch, false);
    context.counters.stashed += 1;
    void context.sessionStore
      .stash([{ userIds: [userId], ...undelivered }])
      .then(() => message.settle?.(userId, epoch, false));
  }

  poke(): void {
    this.#again = true;
    this.#fromStart = true;
    this.#wasPoked = true;
    if (this.#state !== 'predecessor') return;
    this.#state = 'outbox';
    this.#waitsUntilMs = Number.POSITIVE_INFINITY;
    this.onCaughtUp();
  }

  onCaughtUp(): void {
    if (this.#state === 'outbox' && this.#session.outbox.isEmpty) void this.#readPage();
  }

  /** A client that cannot acknowledge has a stored message as soon as the kernel has it. */
  onWritten(items: readonly Outgoing[]): void {
    const ids: string[] = [];
    for (const item of items) if (item instanceof Message && item.origin === 'mailbox') ids.push(item.head.id);
    if (ids.length === 0) return;
    const { userId, epoch, context, form } = this.#session;
    if (form !== 'ack') this.#settled = context.sessionStore.settle({ userId, epoch }, 'written', ids);
  }

  onDeadline(nowMs: number, next: number): number {
    if (this.#state !== 'predecessor') return next;
    if (nowMs < this.#waitsUntilMs) return Math.min(next, this.#waitsUntilMs);
    this.#session.context.log.warn(
      { event: 'predecessor_silent', user: this.#session.userId, epoch: this.#session.epoch },
      'the session before this one never handed over',
    );
    this.#waitsForNobody = true;
    this.poke();
    return next;
  }

  /** The session ends, or is suspended. Answers what was held back. */
  abandon(): readonly Message[] {
    this.#state = 'over';
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** What it puts back is older than what is in the mailbox. A poke will tell. */
  #waitForPredecessor(): void {
    const { context } = this.#session;
    this.#state = 'predecessor';
    this.#waitsUntilMs = performance.now() + PREDECESSOR_PATIENCE_LEASES * context.config.leaseMs;
    context.wheel.set(this.#session, this.#waitsUntilMs);
  }

  #hold(message: Message): void {
    const { context } = this.#session;
    this.#heldBytes += message.body.length;
    this.#held.push(message);
    if (this.#heldBytes > context.config.outboxMaxBytes) this.#session.close(CloseReasons.slowReader);
  }

  async #readPage(): Promise<void> {
    const { userId, epoch, context } = this.#session;
    this.#state = 'reading';
    await this.#settled;
    if (this.#isOver()) return;
    this.#again = false;
    this.#wasPoked = false;
    if (this.#fromStart) this.#after = '0';
    this.#fromStart = false;
    const lost = this.#lostToTell;
    this.#lostToTell = 0;
    const from = { after: this.#after, lostTold: lost, waitsForNobody: this.#waitsForNobody };
    const page = await context.sessionStore.page({ userId, epoch }, from).catch((error: unknown) => {
      context.log.error(
        { event: 'store_failed', what: 'page', user: userId, error: String(error) },
        'could not read a mailbox',
      );
      return undefined;
    });
    if (this.#isOver()) return;
    // Refused for good by Redis: the client may try again on another connection.
    if (page === undefined) return this.#session.close(CloseReasons.connectionLost);
    // Somebody else has the session: its close record is on its way to us.
    if (page === 'stale') return;
    if (page === 'waits' && !this.#wasPoked) return this.#waitForPredecessor();
    if (page === 'waits') return this.#readPage();
    if (page === 'more' || (page.length === 0 && this.#again)) return this.#readPage();
    if (page.length === 0) return this.#finish();
    this.#send(page);
  }

  #send(page: readonly MailboxMessage[]): void {
    for (const { head, body } of page) {
      this.#after = head.id;
      this.#sendHeldBefore(Number(head.id));
      // A plain client is not sent application messages: they wait for one that knows them.
      if (this.#session.form === 'plain' && head.commandId >= APPLICATION_DOWN.first) continue;
      const settle = head.flags.includes('r') ? this.#markWritten(head.id) : undefined;
      const { traces } = this.#session.context;
      const traced = traces ? traces.handed('mailbox', head, settle) : settle;
      this.#session.sendMessage(new Message(head, body, 'mailbox', traced));
    }
    this.#state = 'outbox';
    this.onCaughtUp();
  }

  #markWritten(messageId: string): Outgoing['settle'] {
    const { marks } = this.#session.context;
    return (userId, _epoch, written) => {
      if (written) void marks.add({ messageId, userId, state: 'written' });
    };
  }

  #finish(): void {
    this.#sendHeldBefore(Number.POSITIVE_INFINITY);
    this.#state = 'over';
    this.#session.goLive();
  }

  /** One that came by the direct way has no id: it stands behind the highest that its sender can have had before. */
  #sendHeldBefore(id: number): void {
    while (this.#held[0] && this.#held[0].orderId < id) {
      const message = this.#held.shift();
      if (message) this.#session.sendMessage(message);
    }
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }
}
