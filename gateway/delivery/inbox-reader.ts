import { setImmediate, setTimeout } from 'node:timers/promises';
import { compareEntryIds } from '../../contract/store/entry-ids.ts';
import type { Keys } from '../../contract/store/keys.ts';
import { type InboxRecord, parseInboxRecord, type Recipient } from '../../contract/store/records.ts';
import { entriesOf, streamsOf } from '../../contract/store/redis-reply.ts';
import type { Log } from '../../shared/log.ts';
import { BLOCK_MS } from '../../shared/redis/blocking.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { ReadCount } from '../../shared/redis/read-count.ts';
import { growingPause } from '../../shared/time/growing-pause.ts';
import type { Registry } from '../session/registry.ts';
import { InboxEntries, type InboxEntry } from './inbox-entries.ts';
import type { InboxHandOut } from './inbox-hand-out.ts';
import { type Entry, Revocations, type UnreadRecord } from './revocations.ts';
import { TimeBudget } from './time-budget.ts';

/** Entries of one look at what was handed out. */
const LOOK = 8;
/** Messages of one read from which on the next ones are asked for before these are delivered. */
const DEEP = 32;
const RETRY_MS = 500;
/** A store that refuses to block is asked at growing intervals while nothing comes. */
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 250;

interface InboxReaderParts {
  /** Makes a connection of its own. */
  readonly connect: () => RedisPort;
  readonly writer: RedisPort;
  readonly keys: Keys;
  readonly lease: { readonly gatewayId: string; readonly isHeld: boolean };
  readonly registry: Pick<Registry, 'find'>;
  /** Claims that Redis has not answered yet. */
  readonly claims: {
    readonly size: number;
    answered(userId: string): Promise<void> | undefined;
    allAnswered(): Promise<void>;
  };
  readonly handOut: InboxHandOut;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

interface Read {
  readonly batch: Entry[] | undefined;
  readonly tookMs: number;
}

/**
 * Reads this gateway's inbox, entries in order, one reader. What is in an entry is handed out as soon as it is certain that
 * it is for us to do so; it is removed when all of its sessions are done with it.
 */
export class InboxReader {
  readonly #connect: () => RedisPort;
  readonly #keys: Keys;
  readonly #lease: InboxReaderParts['lease'];
  readonly #registry: InboxReaderParts['registry'];
  readonly #claims: InboxReaderParts['claims'];
  readonly #handOut: InboxHandOut;
  readonly #log: InboxReaderParts['log'];
  readonly #writer: RedisPort;
  readonly #revocations: Revocations;
  #redis: RedisPort | undefined;
  #entries: InboxEntries | undefined;
  #position = '0';
  #generation = 0;
  #blocks = true;
  readonly #count = new ReadCount();

  constructor(parts: InboxReaderParts) {
    this.#connect = parts.connect;
    this.#writer = parts.writer;
    this.#keys = parts.keys;
    this.#lease = parts.lease;
    this.#registry = parts.registry;
    this.#claims = parts.claims;
    this.#handOut = parts.handOut;
    this.#log = parts.log;
    this.#revocations = new Revocations({ redis: parts.writer, keys: parts.keys, log: parts.log });
  }

  /** The highest id of a message so far. */
  get latestId(): number {
    return this.#handOut.latestId;
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
   * connection: the old one may wait for the old inbox for seconds yet, and commands behind it wait, too.
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

  /** Stops reading; entries that were read are still handed out. */
  stop(): void {
    this.#generation += 1;
  }

  /** Cuts the wait for what comes next. */
  async close(): Promise<void> {
    await this.#redis?.close();
  }

  /**
   * After Redis was away: removes what was handed out, written, and is there again, because a failover has lost the
   * removal. Only while the lease goes on: then everything up to our position has been read.
   */
  async removeHandedOut(): Promise<void> {
    const entries = this.#entries;
    const inbox = this.#keys.inbox(this.#lease.gatewayId);
    const isCurrent = () => entries === this.#entries && this.#lease.isHeld;
    let from = '-';
    while (entries !== undefined && this.#position !== '0' && isCurrent()) {
      const reply = await this.#writer.command('XRANGE', inbox, from, this.#position, 'COUNT', LOOK);
      const ids = entriesOf(reply).map(([id]) => id);
      if (isCurrent()) entries.removeAgain(ids);
      if (ids.length < LOOK) return;
      from = `(${ids.at(-1)}`;
    }
  }

  /** Resolves when the entries that were read are done and removed. */
  async idle(): Promise<void> {
    await this.#entries?.idle();
  }

  async #run(generation: number, redis: RedisPort, inbox: string, entries: InboxEntries): Promise<void> {
    const pause = growingPause(POLL_MIN_MS, POLL_MAX_MS);
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
        if (last) pause.reset();
        else if (!this.#blocks) await setTimeout(pause.next());
        if (ahead === undefined && last) {
          // When these were written, their removal and the next read leave together.
          await setImmediate();
          if (generation === this.#generation) entries.remove(redis);
        }
        reading = ahead ?? this.#read(generation, redis, inbox, this.#position);
      } else {
        // Refused; or the lease is lost: the burial of this id re-routes these, and a new id brings a new generation.
        await setTimeout(valid ? POLL_MIN_MS : RETRY_MS);
        reading = this.#read(generation, redis, inbox, this.#position);
      }
    }
  }

  /**
   * Records for a session whose claim has no reply yet wait for that reply. So does a close record for a session that is
   * here: its connection may have verified again, and must then stay open.
   */
  async #claimsOf(batch: readonly Entry[]): Promise<void> {
    if (this.#claims.size === 0) return;
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
        if (record.kind === 'clock set') return this.#claims.allAnswered();
        if (record.kind === 'close') wait(record.userId);
        else if (record.kind === 'mailbox') look(record);
        else {
          if (record.inboxOnly !== 'everyone') record.inboxOnly.forEach(look);
          record.alsoInMailbox.forEach(look);
        }
      }
    }
    if (awaited.size > 0) await Promise.all(awaited.values());
  }

  /** The entries behind `after`, none, or undefined when Redis refused. Does not reject. */
  async #read(generation: number, redis: RedisPort, inbox: string, after: string): Promise<Read> {
    const block = this.#blocks ? ['BLOCK', BLOCK_MS] : [];
    const startedAt = performance.now();
    try {
      const reply = await redis.command('XREAD', 'COUNT', this.#count.of(1), ...block, 'STREAMS', inbox, after);
      const entries = streamsOf(reply).flatMap(([, read]) => read);
      this.#count.adapt(entries);
      const batch = entries.map(([id, fields]) => ({ id, ...this.#parse(id, fields) }));
      return { batch, tookMs: performance.now() - startedAt };
    } catch (error) {
      if (generation !== this.#generation) return { batch: undefined, tookMs: 0 };
      const refusesToBlock = this.#blocks && error instanceof RedisReplyError && error.errorClass === 'bug';
      if (refusesToBlock) this.#blocks = false;
      this.#warn(error);
      return { batch: refusesToBlock ? [] : undefined, tookMs: 0 };
    }
  }

  /** Without revoked messages, as it is now; undefined when Redis refused. */
  async #valid(batch: Entry[], tookMs: number): Promise<Entry[] | undefined> {
    try {
      return await this.#revocations.excludeRevoked(batch, tookMs);
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

  #parse(id: string, fields: readonly string[]): Omit<Entry, 'id'> {
    const records: InboxRecord[] = [];
    const unread: UnreadRecord[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const field = String(fields[i]);
      const body = String(fields[i + 1]);
      try {
        records.push(parseInboxRecord(field, body));
      } catch (error) {
        unread.push({ field, body });
        this.#log.error(
          { event: 'inbox_record_unread', entry: id, error: String(error) },
          'a record that this version does not know: it is kept for one that does',
        );
      }
    }
    return { records, unread };
  }

  /**
   * In turns that leave the event loop to others, also within an entry: each of its records may be for every session of the
   * gateway. Returns whether all could be taken: the lease may end on the way.
   */
  async #takeAll(generation: number, entries: InboxEntries, batch: readonly Entry[]): Promise<boolean> {
    const mayGoOn = () => generation === this.#generation && this.#lease.isHeld;
    const turn = { budget: new TimeBudget(1) };
    for (const { id, records, unread } of batch) {
      const room = this.#handOut.room();
      if (room !== undefined) await room;
      if (!mayGoOn()) return false;
      const entry = entries.begin(id);
      if (!(await this.#giveAll(entry, records, turn))) return false;
      this.#handOut.keep(entry, unread);
      this.#position = id;
      entry.settle();
      if (turn.budget.isSpent()) await nextTurn(turn);
    }
    return mayGoOn();
  }

  /** Returns whether all were given. An entry that was begun is finished, unless the lease ends: then it is re-routed as a whole. */
  async #giveAll(entry: InboxEntry, records: readonly InboxRecord[], turn: { budget: TimeBudget }): Promise<boolean> {
    for (const [at, record] of records.entries()) {
      if (at > 0 && turn.budget.isSpent()) {
        await nextTurn(turn);
        if (!this.#lease.isHeld) return false;
      }
      this.#handOut.give(entry, record);
    }
    return true;
  }
}

async function nextTurn(turn: { budget: TimeBudget }): Promise<void> {
  await setImmediate();
  turn.budget = new TimeBudget(1);
}

function isDeep(batch: readonly Entry[] = []): boolean {
  return batch.length >= DEEP || batch.reduce((sum, { records }) => sum + records.length, 0) >= DEEP;
}
