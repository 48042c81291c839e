import type { Keys } from '../../contract/keys.ts';
import type { Recipient } from '../../contract/records.ts';
import { type MailboxMessage, readMailbox, settleMessages, stashMessages } from '../../contract/scripts/mailbox.ts';
import { type Release, releaseSession, type Undelivered } from '../../contract/scripts/sessions.ts';
import type { GatewayConfig } from '../config.ts';
import type { Lease } from '../lifecycle/lease.ts';
import type { Log } from '../observe/log.ts';
import type { GatewayRedis } from './redis.ts';

const PAGE = 128;

/** What sessions ask of Redis. All on one connection: what is asked first happens first. */
export class SessionStore {
  readonly #redis: GatewayRedis;
  readonly #keys: Keys;
  readonly #config: GatewayConfig;
  readonly #lease: Lease;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: { redis: GatewayRedis; keys: Keys; config: GatewayConfig; lease: Lease; log: Log }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#log = parts.log;
  }

  release(release: Release): Promise<void> {
    return this.#run('release', async () => {
      await releaseSession(this.#redis, this.#keys, this.#lease.gatewayId, this.#config, release);
    });
  }

  stash(messages: readonly (Undelivered & { userId: string })[]): Promise<void> {
    return this.#run('stash', () => stashMessages(this.#redis, this.#keys, this.#config, messages));
  }

  settle(session: Recipient, state: 'acknowledged' | 'written', ids: readonly string[]): Promise<void> {
    return this.#run('settle', async () => {
      await settleMessages(this.#redis, this.#keys, session, state, ids);
    });
  }

  page(session: Recipient, after: string, lostTold: number): Promise<MailboxMessage[] | 'stale' | 'more'> {
    return readMailbox(this.#redis, this.#keys, session, { after, most: PAGE, lostTold });
  }

  /** Resolves when everything asked so far has been answered. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** Does not reject: what Redis refuses for good is logged, for there is nobody who could do better. */
  #run(what: string, work: () => Promise<void>): Promise<void> {
    const done = work()
      .catch((error: unknown) =>
        this.#log.error({ event: 'store_failed', what, error: String(error) }, 'a script failed'),
      )
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    return done;
  }
}
