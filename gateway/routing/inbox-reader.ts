import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/keys.ts';
import {
  type CloseRecord,
  headRest,
  type InboxRecord,
  type MessageRecord,
  parseInboxRecord,
  type Recipient,
} from '../../contract/records.ts';
import { Message, type Origin, type Outgoing } from '../io/outgoing.ts';
import { Slice } from '../io/slice.ts';
import type { Lease } from '../lifecycle/lease.ts';
import type { Counters } from '../observe/counters.ts';
import type { DeliveryTraces } from '../observe/delivery-traces.ts';
import type { Log } from '../observe/log.ts';
import { closeReasonOf } from '../session/close-reasons.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { ClaimsUnderWay } from '../store/claims-under-way.ts';
import type { DeliveryMarks } from '../store/delivery-marks.ts';
import type { GatewayRedis } from '../store/redis.ts';
import type { SessionStore } from '../store/session-store.ts';
import { InboxEntries, type InboxEntry } from './inbox-entries.ts';
import { type Entry, Withdrawals } from './withdrawals.ts';

const COUNT = 512;
/** Messages of one read from which on the next ones are asked for before these are delivered. */
const DEEP = 32;
const BLOCK_MS = 5_000;
const RETRY_MS = 500;
/** A store that refuses to block is asked at growing intervals while nothing comes. */
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 250;

interface Read {
  readonly batch: Entry[] | undefined;
  readonly tookMs: number;
}

/**
 * Reads this gateway's inbox and hands each message to its sessions. An entry is removed when all of them are done
 * with it. One reader, entries in order; what it finds for a session that has moved on is put into the mailbox.
 */
export class InboxReader {
  readonly #connect: () => GatewayRedis;
  readonly #keys: Keys;
  readonly #lease: Lease;
  readonly #registry: Registry;
  readonly #store: SessionStore;
  readonly #claims: ClaimsUnderWay;
  readonly #marks: DeliveryMarks;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #traces: DeliveryTraces | undefined;
  readonly #writer: GatewayRedis;
  readonly #withdrawals: Withdrawals;
  /** The highest id of a message so far. */
  latestId = 0;
  #redis: GatewayRedis | undefined;
  #entries: InboxEntries | undefined;
  #position = '0';
  #generation = 0;
  #blocks = true;

  constructor(parts: {
    /** Makes a connection of its own. */
    connect: () => GatewayRedis;
    writer: GatewayRedis;
    keys: Keys;
    lease: Lease;
    registry: Registry;
    store: SessionStore;
    claims: ClaimsUnderWay;
    marks: DeliveryMarks;
    counters: Counters;
    log: Log;
    traces: DeliveryTraces | undefined;
  }) {
    this.#connect = parts.connect;
    this.#writer = parts.writer;
    this.#keys = parts.keys;
    this.#lease = parts.lease;
    this.#registry = parts.registry;
    this.#store = parts.store;
    this.#claims = parts.claims;
    this.#marks = parts.marks;
    this.#counters = parts.counters;
    this.#log = parts.log;
    this.#traces = parts.traces;
    this.#withdrawals = new Withdrawals({ redis: parts.writer, keys: parts.keys, log: parts.log });
  }

  /** Entries that were read and are not done yet. */
  get open(): number {
    return this.#entries?.open ?? 0;
  }

  /** Whether everything up to this entry has been handed to its sessions. */
  hasPassed(entryId: string): boolean {
    return compareEntryIds(this.#position, entryId) >= 0;
  }

  /**
   * Reads the inbox of the id that is in force, from its beginning; forgets what it read under another. On a new
   * connection: the old one may wait for the old inbox for seconds yet, and what is asked behind it waits, too.
   */
  start(): void {
    this.#generation += 1;
    const inbox = this.#keys.inbox(this.#lease.gatewayId);
    this.#position = '0';
    this.#entries = new InboxEntries(this.#writer, inbox, this.#log);
    void this.close();
    const redis = this.#connect();
    this.#redis = redis;
    void this.#run(this.#generation, redis, inbox, this.#entries);
  }

  /** Reads nothing any more; what was read is still worked off. */
  stop(): void {
    this.#generation += 1;
  }

  /** Cuts the wait for what comes next. */
  async close(): Promise<void> {
    await this.#redis?.close();
  }

  /** Resolves when the entries that were read are done and removed. */
  async idle(): Promise<void> {
    await this.#entries?.idle();
  }

  async #run(generation: number, redis: GatewayRedis, inbox: string, entries: InboxEntries): Promise<void> {
    let pauseMs = 0;
    let reading = this.#read(generation, redis, inbox, this.#position);
    while (generation === this.#generation) {
      const { batch, tookMs } = await reading;
      const last = batch?.at(-1);
      // Of a deep inbox Redis gets the next ones together while these are delivered.
      const ahead = last && this.#blocks && isDeep(batch) ? this.#read(generation, redis, inbox, last.id) : undefined;
      if (batch) await this.#claimsOf(batch);
      const valid = batch && (await this.#valid(batch, tookMs));
      const isTaken = valid && (await this.#takeAll(generation, entries, valid));
      if (generation !== this.#generation) return;
      if (isTaken) {
        pauseMs = last ? 0 : Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, pauseMs * 2));
        if (!this.#blocks && pauseMs > 0) await setTimeout(pauseMs);
        if (ahead === undefined && last) {
          // When these were written, their removal and the next read leave together.
          await setImmediate();
          if (generation === this.#generation) entries.remove(redis);
        }
        reading = ahead ?? this.#read(generation, redis, inbox, this.#position);
      } else {
        // Refused; or the lease is lost: whoever buries this id re-routes these, and a new id brings a new generation.
        await setTimeout(valid ? POLL_MIN_MS : RETRY_MS);
        reading = this.#read(generation, redis, inbox, this.#position);
      }
    }
  }

  /**
   * What is for sessions whose claim has yet to be answered waits for that. So does the end of a session that is here:
   * when it was its own connection that verified again, the connection must not end with it.
   */
  async #claimsOf(batch: readonly Entry[]): Promise<void> {
    const awaited = new Map<string, Promise<void>>();
    const look = ({ userId, epoch }: Recipient): void => {
      if (!this.#registry.find(userId, epoch)) wait(userId);
    };
    const wait = (userId: string): void => {
      if (awaited.has(userId)) return;
      const answered = this.#claims.answered(userId);
      if (answered !== undefined) awaited.set(userId, answered);
    };
    for (const { records } of batch) {
      for (const record of records) {
        if (record.kind === 'close') wait(record.userId);
        else if (record.kind === 'poke') look(record);
        else {
          if (record.direct !== 'everyone') record.direct.forEach(look);
          record.kept.forEach(look);
        }
      }
    }
    if (awaited.size > 0) await Promise.all(awaited.values());
  }

  /** The entries behind `after`, none, or undefined when Redis refused. Does not reject. */
  async #read(generation: number, redis: GatewayRedis, inbox: string, after: string): Promise<Read> {
    const block = this.#blocks ? ['BLOCK', BLOCK_MS] : [];
    const startedAt = performance.now();
    try {
      const reply = await redis.command('XREAD', 'COUNT', COUNT, ...block, 'STREAMS', inbox, after);
      const streams = (reply as [string, [string, string[]][]][] | null) ?? [];
      const batch = streams.flatMap(([, read]) =>
        read.map(([id, fields]) => ({ id, records: this.#parse(id, fields) })),
      );
      return { batch, tookMs: performance.now() - startedAt };
    } catch (error) {
      if (generation !== this.#generation) return { batch: undefined, tookMs: 0 };
      const refusesToBlock = this.#blocks && /block/i.test(String(error));
      if (refusesToBlock) this.#blocks = false;
      this.#warn(error);
      return { batch: refusesToBlock ? [] : undefined, tookMs: 0 };
    }
  }

  /** Without what was withdrawn, as it is now; undefined when Redis refused. */
  async #valid(batch: Entry[], tookMs: number): Promise<Entry[] | undefined> {
    try {
      return await this.#withdrawals.leftOut(batch, tookMs);
    } catch (error) {
      this.#warn(error);
      return undefined;
    }
  }

  #warn(error: unknown): void {
    this.#log.warn(
      { event: 'inbox_read_failed', error: String(error), polls: !this.#blocks },
      'could not read the inbox',
    );
  }

  #parse(id: string, fields: readonly string[]): InboxRecord[] {
    const records: InboxRecord[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      try {
        records.push(parseInboxRecord(String(fields[i]), String(fields[i + 1])));
      } catch (error) {
        this.#log.error({ event: 'inbox_record_refused', entry: id, error: String(error) }, 'not a record of ours');
      }
    }
    return records;
  }

  /** In turns that leave the event loop to others. Answers whether all could be taken: the lease may end on the way. */
  async #takeAll(generation: number, entries: InboxEntries, batch: readonly Entry[]): Promise<boolean> {
    let slice = new Slice(1);
    for (const { id, records } of batch) {
      if (generation !== this.#generation || !this.#lease.isHeld) return false;
      this.#take(entries.begin(id), records);
      if (!slice.isOver()) continue;
      await setImmediate();
      slice = new Slice(1);
    }
    return generation === this.#generation && this.#lease.isHeld;
  }

  #take(entry: InboxEntry, records: readonly InboxRecord[]): void {
    for (const record of records) {
      if (record.kind === 'message') this.#deliver(entry, record);
      else if (record.kind === 'close') this.#close(entry, record);
      else this.#registry.find(record.userId, record.epoch)?.poke();
    }
    this.#position = entry.id;
    entry.settle();
  }

  #deliver(entry: InboxEntry, record: MessageRecord): void {
    const { head, body, direct, kept } = record;
    this.latestId = Math.max(this.latestId, Number(head.id));
    if (direct === 'everyone') {
      const message = this.#message(entry, record, 'broadcast');
      for (const session of this.#registry.all()) {
        if (Number(head.id) > session.bornAtId) this.#hand(entry, session, message);
      }
      return;
    }
    const isExpired = head.expiresAtMs > 0 && head.expiresAtMs <= Date.now();
    const message = direct.length > 0 ? this.#message(entry, record, 'inbox') : undefined;
    const stale: Recipient[] = [];
    for (const recipient of direct) {
      const session = this.#registry.find(recipient.userId, recipient.epoch);
      if (isExpired) void this.#marks.add({ messageId: head.id, userId: recipient.userId, state: 'expired' });
      else if (session && message) this.#hand(entry, session, message);
      else stale.push(recipient);
    }
    if (stale.length > 0) {
      entry.expect(1);
      this.#counters.stashed += stale.length;
      const rest = headRest(head);
      void this.#store
        .stash(stale.map(({ userId }) => ({ userId, id: head.id, rest, body })))
        .then(() => entry.settle());
    }
    // One that expired stays in the mailbox until the next claim gives it up.
    if (!isExpired) this.#deliverKept(entry, record, kept);
  }

  /** Those whose session has moved on find the message in their mailbox. */
  #deliverKept(entry: InboxEntry, record: MessageRecord, kept: readonly Recipient[]): void {
    if (kept.length === 0) return;
    const message = this.#message(entry, record, 'inbox, in mailbox too');
    for (const { userId, epoch } of kept) {
      const session = this.#registry.find(userId, epoch);
      if (session) this.#hand(entry, session, message);
    }
  }

  #hand(entry: InboxEntry, session: Session, message: Message): void {
    entry.expect(1);
    session.deliver(message);
  }

  #message(entry: InboxEntry, { head, body }: MessageRecord, origin: Origin): Message {
    const settle = this.#settle(entry, head.id, head.flags.includes('r'));
    const traced = this.#traces ? this.#traces.handed('inbox', head, settle) : settle;
    return new Message(head, body, origin, traced);
  }

  #settle(entry: InboxEntry, messageId: string, hasReceipt: boolean): Outgoing['settle'] {
    if (!hasReceipt) return () => entry.settle();
    // The entry stays until the receipt says so: whoever takes over from a dead gateway finds what it did not say.
    return (userId, _epoch, written) => {
      if (written) void this.#marks.add({ messageId, userId, state: 'written' }).then(() => entry.settle());
      else entry.settle();
    };
  }

  /**
   * Someone else has the session now, or wants it ended. Everything before this record has been dealt with: where whoever
   * comes next waits for that word it is given, even when the session is long gone, and only then is the entry done.
   */
  #close(entry: InboxEntry, { userId, epoch, reason, owing }: CloseRecord): void {
    if (owing) entry.expect(1);
    const handedOver = owing ? () => entry.settle() : undefined;
    const session = this.#registry.find(userId, epoch);
    if (session) session.close(closeReasonOf(reason), handedOver);
    else if (handedOver) void this.#store.handOver({ userId, epoch }).then(handedOver);
  }
}

function isDeep(batch: readonly Entry[] = []): boolean {
  return batch.length >= DEEP || batch.reduce((sum, { records }) => sum + records.length, 0) >= DEEP;
}

/** Ids of stream entries, `<ms>-<n>`, in their order. */
export function compareEntryIds(a: string, b: string): number {
  const [aMs = '0', aN = '0'] = a.split('-');
  const [bMs = '0', bN = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aN) - Number(bN);
}
