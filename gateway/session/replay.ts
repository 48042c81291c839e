import type { DirectBroadcasts } from '../../contract/store/direct-broadcasts.ts';
import type { Recipient } from '../../contract/store/records.ts';
import type { MailboxMessage, MailboxPage, Stashed } from '../../contract/store/scripts/mailbox.ts';
import { APPLICATION_DOWN } from '../../contract/wire/command-ids.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import { type CloseReason, CloseReasons } from './close-reasons.ts';
import type { Identity } from './identity.ts';
import { Message, type Outgoing } from './messages.ts';

/** How long to wait for a predecessor, in leases: a dead one is buried by then, a live one hands over in a few milliseconds. */
const PREDECESSOR_PATIENCE_LEASES = 3;

/** Mailboxes in Redis. */
interface Mailboxes {
  /** Does not reject. */
  stash(messages: readonly Stashed[]): Promise<void>;
  /** Does not reject. */
  settleWritten(session: Recipient, ids: readonly string[]): Promise<void>;
  /** Pages wait for their turn: `isWanted` is asked then, and a page that nobody wants is `stale`. */
  page(
    session: Recipient,
    from: { after: string; lostReported: number; waitsForNobody: boolean },
    isWanted: () => boolean,
  ): Promise<MailboxPage>;
}

/** What all replays of a gateway share. */
export interface ReplayParts {
  readonly settings: { readonly leaseMs: number; readonly outboxMaxBytes: number };
  readonly store: Mailboxes;
  readonly progress: { wrote(head: MailboxMessage['head'], userId: string, form: SessionForm): Promise<void> };
  /** Undefined: traces are off. */
  readonly traces: MailboxTraces | undefined;
  readonly counters: { stashed: number };
  readonly log: Pick<Log, 'warn' | 'error'>;
}

interface MailboxTraces {
  handed(from: 'mailbox', head: MailboxMessage['head'], settle: Outgoing['settle']): Outgoing['settle'];
}

/** The session that is served from its mailbox. */
export interface ReplayingSession {
  readonly identity: Identity;
  readonly outbox: { readonly isEmpty: boolean };
  sendMessage(message: Message): void;
  /** The sessions before it have handed over. */
  noteGiven(given: readonly DirectBroadcasts[]): void;
  /** Whether its user was given this message elsewhere. */
  wasGiven(message: Message): boolean;
  /** The replay's deadline is asked for at this time, or earlier. */
  checkBy(atMs: number): void;
  /** The mailbox is empty. */
  endReplay(): void;
  close(reason: CloseReason): void;
}

export interface ReplayStart {
  /** Only messages with an id above this one. */
  readonly after: string;
  /** The number of lost messages that the 101 reported. */
  readonly lost?: number;
  /** What has to come first: the outbox to be empty, or the session before this one to put its undelivered messages back. */
  readonly waitFor: 'outbox' | 'predecessor';
  /** Broadcasts and direct messages that are due to the user and were not sent yet, in order. */
  readonly held?: readonly Message[];
}

/**
 * Serves a session from its mailbox, page by page at the pace of its reader, until the mailbox is empty; then the session
 * is live. It is always in one of these modes:
 *
 *   awaiting predecessor   The session before this one is still putting messages back, which are older than those in the
 *                          mailbox. Nothing is read. Left when it has handed over (`notifyMailbox`), or after three leases.
 *   awaiting outbox        What was sent so far is not written yet. Left when the outbox is empty.
 *   reading                A page is on its way from Redis. Left when it is here: its messages are sent and the outbox is
 *                          awaited; Redis may send us back to the predecessor; an empty page is the end, unless something
 *                          came into the mailbox meanwhile.
 *   ended                  The session is live, suspended or closed. Never left; a page that arrives now is dropped.
 *
 * Messages that come meanwhile are not sent: they go to the mailbox too, or are there already, so that the order of ids
 * is kept and memory is bounded. Broadcasts are not stored, nor are direct messages that a suspended session had kept: they
 * are held, and sent where they belong among ids.
 */
export class Replay {
  readonly #parts: ReplayParts;
  readonly #session: ReplayingSession;
  #mode: 'awaiting predecessor' | 'awaiting outbox' | 'reading' | 'ended' = 'awaiting outbox';
  #after: string;
  /** Lost messages that were reported to the client, and not yet to Redis. */
  #lostReported: number;
  /** What came into the mailbox since the last page was requested; `older`: it may belong before messages that were read already. */
  #missed: 'nothing' | 'newer' | 'older' = 'nothing';
  #predecessorUntilMs = Number.POSITIVE_INFINITY;
  #hasGivenUpOnPredecessor = false;
  /** Written messages leave the mailbox before the next page is read, or they would be sent once more. */
  #settled: Promise<void> = Promise.resolve();
  #held: Message[] = [];
  #heldBytes = 0;
  /** Too much is held: the session is about to be closed. */
  #isOverfull = false;

  constructor(parts: ReplayParts, session: ReplayingSession, { after, lost = 0, held = [] }: ReplayStart) {
    this.#parts = parts;
    this.#session = session;
    this.#after = after;
    this.#lostReported = lost;
    for (const message of held) this.#insert(message);
  }

  start(waitFor: ReplayStart['waitFor']): void {
    this.#enter(waitFor === 'predecessor' ? 'awaiting predecessor' : 'awaiting outbox');
  }

  /** Takes a message that came for the session meanwhile. */
  postpone(message: Message): void {
    const { userId, epoch } = this.#session.identity;
    if (message.origin === 'broadcast') return this.#hold(message);
    if (this.#missed === 'nothing') this.#missed = 'newer';
    const { undelivered } = message;
    if (undelivered === undefined) return message.settle?.(userId, epoch, false);
    this.#parts.counters.stashed += 1;
    void this.#parts.store
      .stash([{ userIds: [userId], ...undelivered }])
      .then(() => message.settle?.(userId, epoch, false));
  }

  /** Something was put into the mailbox by others: by the predecessor, or by a gateway that re-routed a message. */
  notifyMailbox(): void {
    this.#missed = 'older';
    if (this.#mode === 'awaiting predecessor') this.#enter('awaiting outbox');
  }

  /** The outbox is empty. */
  onCaughtUp(): void {
    if (this.#mode === 'awaiting outbox' && this.#session.outbox.isEmpty) this.#enter('reading');
  }

  /** For a client that cannot acknowledge, a stored message is done as soon as the kernel has it. */
  onWritten(items: readonly Outgoing[]): void {
    const ids: string[] = [];
    for (const item of items) if (item instanceof Message && item.origin === 'mailbox') ids.push(item.head.id);
    const { userId, epoch, form } = this.#session.identity;
    if (ids.length === 0 || form === 'ack') return;
    this.#settled = this.#parts.store.settleWritten({ userId, epoch }, ids);
  }

  /** Returns its own deadline, or `next` where that comes first. */
  onDeadline(nowMs: number, next: number): number {
    if (this.#mode !== 'awaiting predecessor') return next;
    if (nowMs < this.#predecessorUntilMs) return Math.min(next, this.#predecessorUntilMs);
    const { userId, epoch } = this.#session.identity;
    this.#parts.log.warn(
      { event: 'predecessor_silent', user: userId, epoch },
      'the session before this one never handed over',
    );
    this.#hasGivenUpOnPredecessor = true;
    this.notifyMailbox();
    return next;
  }

  /** The session goes live, ends or is suspended. Returns the messages that were held. */
  end(): readonly Message[] {
    this.#enter('ended');
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** The one place where the mode changes, with what each mode begins with. */
  #enter(mode: 'awaiting predecessor' | 'awaiting outbox' | 'reading' | 'ended'): void {
    if (this.#mode === 'ended') return;
    this.#mode = mode;
    if (mode === 'awaiting predecessor') this.#setPredecessorDeadline();
    else if (mode === 'awaiting outbox') this.onCaughtUp();
    else if (mode === 'reading') void this.#readPage();
  }

  #setPredecessorDeadline(): void {
    this.#predecessorUntilMs = performance.now() + PREDECESSOR_PATIENCE_LEASES * this.#parts.settings.leaseMs;
    this.#session.checkBy(this.#predecessorUntilMs);
  }

  #hold(message: Message): void {
    this.#insert(message);
    if (this.#isOverfull || this.#heldBytes <= this.#parts.settings.outboxMaxBytes) return;
    this.#isOverfull = true;
    // Not at once: the callers on the stack go on with the session, and must not find it closed.
    queueMicrotask(() => {
      if (!this.#hasEnded()) this.#session.close(CloseReasons.slowReader);
    });
  }

  /** Most come in the order in which they are to be sent. */
  #insert(message: Message): void {
    this.#heldBytes += message.body.length;
    let at = this.#held.length;
    while (at > 0 && (this.#held[at - 1]?.orderId ?? 0) > message.orderId) at -= 1;
    this.#held.splice(at, 0, message);
  }

  async #readPage(): Promise<void> {
    await this.#settled;
    if (this.#hasEnded()) return;
    if (this.#missed === 'older') this.#after = '0';
    this.#missed = 'nothing';
    const page = await this.#askForPage();
    if (this.#hasEnded()) return;
    // Redis refused for good: the client may try again on another connection.
    if (page === undefined) return this.#session.close(CloseReasons.connectionLost);
    // Somebody else has the session: the record that closes this one is on its way to us.
    if (page === 'stale') return;
    if (page === 'waits') return this.#enter(this.#hasMissedOlder() ? 'reading' : 'awaiting predecessor');
    if (page === 'more') return this.#enter('reading');
    if (page.given.length > 0) this.#session.noteGiven(page.given);
    const { messages } = page;
    if (messages.length === 0) return this.#missed === 'nothing' ? this.#finish() : this.#enter('reading');
    this.#sendPage(messages);
    this.#enter('awaiting outbox');
  }

  /** Undefined when Redis refused. */
  async #askForPage(): Promise<MailboxPage | undefined> {
    const { userId, epoch } = this.#session.identity;
    const lostReported = this.#lostReported;
    this.#lostReported = 0;
    const from = { after: this.#after, lostReported, waitsForNobody: this.#hasGivenUpOnPredecessor };
    // The number that the client got must be recorded, even if the session has ended meanwhile.
    const isWanted = () => lostReported > 0 || !this.#hasEnded();
    try {
      return await this.#parts.store.page({ userId, epoch }, from, isWanted);
    } catch (error) {
      const line = { event: 'store_failed', what: 'page', user: userId, error: String(error) };
      this.#parts.log.error(line, 'could not read a mailbox');
      return undefined;
    }
  }

  #sendPage(page: readonly MailboxMessage[]): void {
    const { traces } = this.#parts;
    for (const { head, body } of page) {
      this.#after = head.id;
      this.#sendHeldBefore(Number(head.id));
      // Application messages are not sent to a plain client: they wait for a client that knows them.
      if (this.#session.identity.form === 'plain' && head.commandId >= APPLICATION_DOWN.first) continue;
      const settle = head.flags.includes('r') ? this.#markWritten(head) : undefined;
      const traced = traces ? traces.handed('mailbox', head, settle) : settle;
      this.#session.sendMessage(new Message(head, body, 'mailbox', traced));
    }
  }

  #markWritten(head: MailboxMessage['head']): Outgoing['settle'] {
    const { progress } = this.#parts;
    return (userId, _epoch, written) => {
      if (written) void progress.wrote(head, userId, written);
    };
  }

  #finish(): void {
    this.#sendHeldBefore(Number.POSITIVE_INFINITY);
    this.#session.endReplay();
  }

  /** A direct message has no id: its place is behind the highest id that its sender can have had before. */
  #sendHeldBefore(id: number): void {
    while (this.#held[0] && this.#held[0].orderId < id) {
      const message = this.#held.shift();
      if (message === undefined) return;
      this.#heldBytes -= message.body.length;
      if (!this.#session.wasGiven(message)) this.#session.sendMessage(message);
      else message.settle?.(this.#session.identity.userId, this.#session.identity.epoch, false);
    }
  }

  /** As it is now: a call may have changed what the compiler still believes. */
  #hasEnded(): boolean {
    return this.#mode === 'ended';
  }

  #hasMissedOlder(): boolean {
    return this.#missed === 'older';
  }
}
