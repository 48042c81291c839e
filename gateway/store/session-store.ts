import type { Keys } from '../../contract/store/keys.ts';
import type { Recipient } from '../../contract/store/records.ts';
import {
  giveUpTooLarge,
  type MailboxPage,
  readMailbox,
  type Stashed,
  stashMessages,
  type TooLarge,
} from '../../contract/store/scripts/mailbox.ts';
import { type Release, releaseSession, type Undelivered } from '../../contract/store/scripts/sessions.ts';
import { settleMessages } from '../../contract/store/scripts/settle.ts';
import { BYTES_PER_UNIT, inSteps, STEP_WORK, workOf } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Latch } from '../../shared/time/latch.ts';
import { Semaphore } from '../../shared/time/semaphore.ts';
import { CALL_BYTES, ID_BYTES, type RecentCalls } from './recent-calls.ts';

const PAGE = 128;
/** Pages that are read at a time: a page has up to 256 KB, and after a storm thousands of sessions want one. */
const MAX_PAGES_IN_FLIGHT = 32;
/** Bytes on their way back to mailboxes; above it the inbox is not read on. */
const STASH_MAX_BYTES = 8_388_608;

interface SessionStoreParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
  };
  readonly lease: { readonly gatewayId: string; readonly highestId: number };
  readonly recent: Pick<RecentCalls, 'make'>;
  readonly progress: { acknowledged(session: Recipient, ids: readonly string[]): Promise<void>; flush(): void };
  readonly log: Pick<Log, 'error'>;
}

/** The calls of sessions to Redis. All use one connection: they happen in the order in which they are made, but for acknowledgements. */
export class SessionStore {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #config: SessionStoreParts['config'];
  readonly #lease: SessionStoreParts['lease'];
  readonly #recent: SessionStoreParts['recent'];
  readonly #log: SessionStoreParts['log'];
  readonly #inFlight = new Set<Promise<unknown>>();
  /** The last call for each user that has one in flight: a hand-over waits for those of its own user alone. */
  readonly #lastOf = new Map<string, Promise<unknown>>();
  #stashBytes = 0;
  readonly #room = new Latch();
  readonly #pages = new Semaphore(MAX_PAGES_IN_FLIGHT);
  readonly #progress: SessionStoreParts['progress'];

  constructor(parts: SessionStoreParts) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#recent = parts.recent;
    this.#log = parts.log;
    this.#progress = parts.progress;
  }

  /** `undelivered` may still be uncertain when the session ends. */
  release(
    release: Omit<Release, 'call' | 'highestId' | 'undelivered'> & {
      undelivered: readonly Undelivered[] | Promise<readonly Undelivered[]>;
    },
  ): Promise<void> {
    const { session, handsOver } = release;
    this.#progress.flush();
    const before = this.#lastOf.get(session.userId);
    return this.#run('release', [session.userId], async () => {
      const undelivered = Array.isArray(release.undelivered) ? release.undelivered : await release.undelivered;
      // What does not fit one call is put back ahead of it: the session ends with the last step.
      const steps = inSteps(undelivered, ({ body }) => workOf(1, Buffer.byteLength(body)));
      const last = steps.pop() ?? [];
      const stashed = steps.map((step) =>
        this.stash(step.map((message) => ({ ...message, userIds: [session.userId] }))),
      );
      // An earlier call for this user may have been retried and may now be behind this one: wait for it.
      if (handsOver) await Promise.all([before, ...stashed]);
      const bytes = CALL_BYTES + last.reduce((sum, { body }) => sum + body.length, 0);
      await this.#recent.make(bytes, (call) => {
        const { highestId } = this.#lease;
        return releaseSession(this.#redis, this.#keys, this.#config, {
          ...release,
          undelivered: last,
          call,
          highestId,
        });
      });
    });
  }

  /** Says that everything for a session that is gone has been put back. */
  handOver(session: Recipient): Promise<void> {
    return this.release({
      session: { ...session, holder: this.#lease.gatewayId },
      reason: '',
      handsOver: true,
      undelivered: [],
    });
  }

  /** In steps of a bounded size: messages for many users are split by users. */
  async stash(messages: readonly Stashed[]): Promise<void> {
    const steps = inSteps(messages.flatMap(byRecipients), ({ userIds, body }) =>
      workOf(userIds.length, Buffer.byteLength(body)),
    );
    await Promise.all(steps.map((step) => this.#stash(step)));
  }

  #stash(step: readonly Stashed[]): Promise<void> {
    this.#progress.flush();
    const bytes = step.reduce((sum, { body }) => sum + body.length, 0);
    this.#stashBytes += bytes;
    const users = step.flatMap(({ userIds }) => userIds);
    const stash = (call: string) =>
      stashMessages(this.#redis, this.#keys, this.#config, step, call, this.#lease.highestId);
    return this.#run('stash', users, () =>
      this.#recent.make(CALL_BYTES + bytes + ID_BYTES * users.length, stash).finally(() => this.#stashed(bytes)),
    );
  }

  /** Resolves when no more than STASH_MAX_BYTES are on their way to mailboxes; undefined: there is room now. */
  roomToStash(): Promise<void> | undefined {
    if (this.#stashBytes <= STASH_MAX_BYTES) return undefined;
    return this.#room.opened();
  }

  #stashed(bytes: number): void {
    this.#stashBytes -= bytes;
    if (this.#stashBytes <= STASH_MAX_BYTES) this.#room.open();
  }

  /** Puts records that this version does not know where a newer one finds them. Returns whether they are there. */
  async keepUnread(records: readonly { field: string; body: string }[]): Promise<boolean> {
    const texts = records.map(({ field, body }) => JSON.stringify([field, body]));
    let isKept = false;
    await this.#run('unread', [], async () => {
      await this.#redis.command('RPUSH', this.#keys.inboxUnread, ...texts);
      isKept = true;
    });
    return isKept;
  }

  /** For a client that cannot acknowledge: at once, because messages in the mailbox at the next claim are sent again. */
  settleWritten(session: Recipient, ids: readonly string[]): Promise<void> {
    const settlement = { session, state: 'written', ids } as const;
    return this.#run('settle', [session.userId], async () => {
      await this.#recent.make(CALL_BYTES + ID_BYTES * ids.length, (call) =>
        settleMessages(this.#redis, this.#keys, [settlement], call),
      );
    });
  }

  /** They leave together with others, ahead of any other call here that is made meanwhile. */
  settleAcknowledged(session: Recipient, ids: readonly string[]): Promise<void> {
    return this.#run('settle', [session.userId], () => this.#progress.acknowledged(session, ids));
  }

  /** A message that is too large for the client of this user. Does not reject. */
  giveUpTooLarge(userId: string, message: Omit<TooLarge, 'call'>): Promise<void> {
    this.#progress.flush();
    return this.#run('too_large', [userId], () =>
      this.#recent.make(CALL_BYTES, (call) => giveUpTooLarge(this.#redis, this.#keys, userId, { ...message, call })),
    );
  }

  /** `isWanted` is called when it is this session's turn; a page that is no longer wanted is `stale`. */
  page(
    session: Recipient,
    from: { after: string; lostReported: number; waitsForNobody: boolean },
    isWanted: () => boolean,
  ): Promise<MailboxPage> {
    return this.#pages.take(async () => {
      if (!isWanted()) return 'stale';
      this.#progress.flush();
      return readMailbox(this.#redis, this.#keys, session, { ...from, max: PAGE });
    });
  }

  /** Resolves when everything asked so far has been answered. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }

  /** Does not reject: a final refusal of Redis is logged, because no caller could do better. */
  #run(what: string, userIds: readonly string[], work: () => Promise<void>): Promise<void> {
    const done = work().catch((error: unknown) =>
      this.#log.error({ event: 'store_failed', what, error: String(error) }, 'Redis refused a script'),
    );
    this.#inFlight.add(done);
    const earlier = userIds.map((userId) => this.#lastOf.get(userId));
    for (const [i, userId] of userIds.entries()) {
      const all = Promise.all([earlier[i], done]).then(() => undefined);
      this.#lastOf.set(userId, all);
      void all.then(() => {
        if (this.#lastOf.get(userId) === all) this.#lastOf.delete(userId);
      });
    }
    void done.then(() => this.#inFlight.delete(done));
    return done;
  }
}

/** One message per part of its users that fits a step. */
function byRecipients(message: Stashed): Stashed[] {
  const { userIds, body } = message;
  const bytes = Buffer.byteLength(body);
  const each = workOf(2, bytes) - workOf(1, bytes);
  const size = Math.max(1, Math.floor((STEP_WORK - bytes / BYTES_PER_UNIT) / Math.max(1, each)));
  if (userIds.length <= size) return [message];
  const parts: Stashed[] = [];
  for (let from = 0; from < userIds.length; from += size) {
    parts.push({ ...message, userIds: userIds.slice(from, from + size) });
  }
  return parts;
}
