import type { Keys } from '../../contract/store/keys.ts';
import type { Recipient } from '../../contract/store/records.ts';
import { type MailboxPage, readMailbox, settleMessages, stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { type Release, releaseSession, type Undelivered } from '../../contract/store/scripts/sessions.ts';
import type { GatewayConfig } from '../config.ts';
import type { Lease } from '../fleet/lease.ts';
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
  #calls = 0;

  constructor(parts: { redis: GatewayRedis; keys: Keys; config: GatewayConfig; lease: Lease; log: Log }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#log = parts.log;
  }

  release(release: Omit<Release, 'call'>): Promise<void> {
    const call = this.#nextCall();
    return this.#run('release', async () => {
      // What was asked before may have had to be asked again, and is then behind.
      if (release.handsOver) await Promise.allSettled([...this.#underWay]);
      await releaseSession(this.#redis, this.#keys, this.#config, { ...release, call });
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

  stash(messages: readonly (Undelivered & { userId: string })[]): Promise<void> {
    const call = this.#nextCall();
    return this.#run('stash', () => stashMessages(this.#redis, this.#keys, this.#config, messages, call));
  }

  settle(session: Recipient, state: 'acknowledged' | 'written', ids: readonly string[]): Promise<void> {
    return this.#run('settle', async () => {
      await settleMessages(this.#redis, this.#keys, session, state, ids);
    });
  }

  page(session: Recipient, from: { after: string; lostTold: number; waitsForNobody: boolean }): Promise<MailboxPage> {
    return readMailbox(this.#redis, this.#keys, session, { ...from, most: PAGE });
  }

  /** Resolves when everything asked so far has been answered. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  #nextCall(): string {
    this.#calls += 1;
    return `${this.#lease.gatewayId}:${this.#calls}`;
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
