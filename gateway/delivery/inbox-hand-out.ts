import {
  type CloseRecord,
  headRest,
  type InboxRecord,
  type MessageRecord,
  type Recipient,
} from '../../contract/store/records.ts';
import type { Stashed } from '../../contract/store/scripts/mailbox.ts';
import type { DeliveryStep } from '../../contract/store/scripts/receipts.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import { closeReasonOf } from '../session/close-reasons.ts';
import { Message, type Origin, type Outgoing } from '../session/messages.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { InboxEntry } from './inbox-entries.ts';
import type { UnreadRecord } from './revocations.ts';

interface InboxHandOutParts {
  readonly registry: Pick<Registry, 'all' | 'find'>;
  /** None of these rejects. */
  readonly store: {
    stash(messages: readonly Stashed[]): Promise<void>;
    handOver(session: Recipient): Promise<void>;
    keepUnread(records: readonly UnreadRecord[]): Promise<boolean>;
    roomToStash(): Promise<void> | undefined;
  };
  readonly progress: {
    mark(step: DeliveryStep): Promise<void>;
    wrote(head: MessageRecord['head'], userId: string, form: SessionForm): Promise<void>;
  };
  readonly counters: { stashed: number; unreadRecords: number };
  /** Redis's clock. */
  readonly clock: { nowMs(): number };
  /** Undefined: traces are off. */
  readonly traces:
    | { handed(from: 'inbox', head: MessageRecord['head'], settle: Outgoing['settle']): Outgoing['settle'] }
    | undefined;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Gives each record of the inbox to its sessions. A message for a session that has moved on goes into the mailbox.
 * An entry is settled once per session or write that it was given to.
 */
export class InboxHandOut {
  readonly #registry: InboxHandOutParts['registry'];
  readonly #store: InboxHandOutParts['store'];
  readonly #progress: InboxHandOutParts['progress'];
  readonly #counters: InboxHandOutParts['counters'];
  readonly #traces: InboxHandOutParts['traces'];
  readonly #clock: InboxHandOutParts['clock'];
  readonly #log: InboxHandOutParts['log'];
  #latestId = 0;

  constructor(parts: InboxHandOutParts) {
    this.#registry = parts.registry;
    this.#store = parts.store;
    this.#progress = parts.progress;
    this.#counters = parts.counters;
    this.#traces = parts.traces;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** The highest id of a message so far. */
  get latestId(): number {
    return this.#latestId;
  }

  give(entry: InboxEntry, record: InboxRecord): void {
    if (record.kind === 'message') this.#deliver(entry, record);
    else if (record.kind === 'close') this.#close(entry, record);
    else if (record.kind === 'clock set') this.#onClockSet();
    else this.#registry.find(record.userId, record.epoch)?.notifyMailbox();
  }

  #onClockSet(): void {
    this.#log.warn({ event: 'redis_clock_set' }, 'the clock of Redis was set: the leases follow it');
    for (const session of this.#registry.all()) session.notifyMailbox();
  }

  /** Records that this version does not know leave the inbox only when they are in the list of such. */
  keep(entry: InboxEntry, unread: readonly UnreadRecord[]): void {
    if (unread.length === 0) return;
    entry.expect(1);
    this.#counters.unreadRecords += unread.length;
    void this.#store.keepUnread(unread).then((kept) => {
      if (kept) entry.settle();
    });
  }

  /** Resolves when there is room for what may have to go back to mailboxes; undefined: there is. */
  room(): Promise<void> | undefined {
    return this.#store.roomToStash();
  }

  #deliver(entry: InboxEntry, record: MessageRecord): void {
    const { head, body, inboxOnly, alsoInMailbox } = record;
    this.#latestId = Math.max(this.#latestId, Number(head.id));
    if (inboxOnly === 'everyone') {
      const message = this.#message(entry, record, 'broadcast');
      for (const session of this.#registry.all()) {
        if (Number(head.id) <= session.identity.joinedAtMessageId) continue;
        if (head.direct === undefined || !session.wasGiven(head.direct)) this.#hand(entry, session, message);
      }
      return;
    }
    const isExpired = head.expiresAtMs > 0 && head.expiresAtMs <= this.#clock.nowMs();
    const message = inboxOnly.length > 0 ? this.#message(entry, record, 'inbox') : undefined;
    const stale: Recipient[] = [];
    for (const recipient of inboxOnly) {
      const session = this.#registry.find(recipient.userId, recipient.epoch);
      if (isExpired) void this.#progress.mark({ messageId: head.id, userId: recipient.userId, state: 'expired' });
      else if (session && message) this.#hand(entry, session, message);
      else stale.push(recipient);
    }
    if (stale.length > 0) {
      entry.expect(1);
      this.#counters.stashed += stale.length;
      const rest = headRest(head);
      void this.#store
        .stash([{ userIds: stale.map(({ userId }) => userId), id: head.id, rest, body }])
        .then(() => entry.settle());
    }
    // One that expired stays in the mailbox until the next claim gives it up.
    if (!isExpired) this.#deliverAlsoInMailbox(entry, record, alsoInMailbox);
  }

  /** Those whose session has moved on find the message in their mailbox. */
  #deliverAlsoInMailbox(entry: InboxEntry, record: MessageRecord, recipients: readonly Recipient[]): void {
    if (recipients.length === 0) return;
    const message = this.#message(entry, record, 'inbox, in mailbox too');
    for (const { userId, epoch } of recipients) {
      const session = this.#registry.find(userId, epoch);
      if (session) this.#hand(entry, session, message);
    }
  }

  #hand(entry: InboxEntry, session: Session, message: Message): void {
    entry.expect(1);
    session.deliver(message);
  }

  #message(entry: InboxEntry, { head, body }: MessageRecord, origin: Origin): Message {
    const settle = this.#settle(entry, head);
    const traced = this.#traces ? this.#traces.handed('inbox', head, settle) : settle;
    return new Message(head, body, origin, traced);
  }

  #settle(entry: InboxEntry, head: MessageRecord['head']): Outgoing['settle'] {
    if (!head.flags.includes('r')) return () => entry.settle();
    // The entry stays until the receipt is written: the gateway that buries this one finds the steps that are missing.
    return (userId, _epoch, written) => {
      if (written) void this.#progress.wrote(head, userId, written).then(() => entry.settle());
      else entry.settle();
    };
  }

  /**
   * Another session has taken over, or this one was ended from outside. All earlier records have been handled. If the next
   * session waits for the hand-over, Redis is notified, even if this session is long gone; only then is the entry done.
   */
  #close(entry: InboxEntry, { userId, epoch, reason, successorWaits }: CloseRecord): void {
    if (successorWaits) entry.expect(1);
    const handedOver = successorWaits ? () => entry.settle() : undefined;
    const session = this.#registry.find(userId, epoch);
    if (session) session.close(closeReasonOf(reason), handedOver);
    else if (handedOver) void this.#store.handOver({ userId, epoch }).then(handedOver);
  }
}
