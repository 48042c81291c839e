import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Latch } from '../../shared/time/latch.ts';

/** Ids of one XDEL at most: thousands of entries may have waited for one session that ends. */
const REMOVED_AT_ONCE = 500;
/** What is done leaves with the next read of the inbox, where that comes soon; at the latest after this time. */
const REMOVE_AFTER_MS = 10;

/** One entry on its way to its sessions. Done when it was settled as often as expected. */
export interface InboxEntry {
  readonly id: string;
  expect(more: number): void;
  settle(): void;
}

/**
 * Which entries of the inbox are done, and their removal: with the next read of the inbox, or soon. Each is removed by its
 * id, not all up to one id: a removal may be sent again to a replica that was promoted, where entries with lower ids have
 * not been read yet.
 */
export class InboxEntries {
  readonly #redis: RedisPort;
  readonly #inbox: string;
  readonly #log: Pick<Log, 'error'>;
  readonly #open = new Set<string>();
  #done: string[] = [];
  #removal: NodeJS.Timeout | undefined;
  #removing: Promise<void> = Promise.resolve();
  readonly #idle = new Latch();

  constructor(redis: RedisPort, inbox: string, log: Pick<Log, 'error'>) {
    this.#redis = redis;
    this.#inbox = inbox;
    this.#log = log;
  }

  get open(): number {
    return this.#open.size;
  }

  begin(id: string): InboxEntry {
    this.#open.add(id);
    return new Tracked(id, () => this.#settled(id));
  }

  async idle(): Promise<void> {
    this.remove(this.#redis);
    if (this.#open.size > 0) await this.#idle.opened();
    await this.#removing;
  }

  #settled(id: string): void {
    this.#open.delete(id);
    this.#done.push(id);
    this.#removal ??= setTimeout(() => this.remove(this.#redis), REMOVE_AFTER_MS);
  }

  /** Of these entries, which were all read, those that are not open. */
  removeAgain(ids: readonly string[]): void {
    const done = ids.filter((id) => !this.#open.has(id));
    if (done.length > 0) this.#run(this.#redis, done);
  }

  /** Now, and through `redis`, where it can leave with another command. */
  remove(redis: RedisPort): void {
    clearTimeout(this.#removal);
    this.#removal = undefined;
    const ids = this.#done;
    this.#done = [];
    for (let from = 0; from < ids.length; from += REMOVED_AT_ONCE) {
      this.#run(redis, ids.slice(from, from + REMOVED_AT_ONCE));
    }
    if (this.#open.size === 0) this.#idle.open();
  }

  #run(redis: RedisPort, ids: readonly string[]): void {
    this.#removing = Promise.all([this.#removing, this.#remove(redis, ids)]).then(() => undefined);
  }

  async #remove(redis: RedisPort, ids: readonly string[]): Promise<void> {
    try {
      await redis.command('XDEL', this.#inbox, ...ids);
    } catch (error) {
      // A connection that was given up meanwhile.
      if (redis !== this.#redis) return this.#remove(this.#redis, ids);
      this.#log.error({ event: 'store_failed', what: 'XDEL', error: String(error) }, 'could not remove inbox entries');
    }
  }
}

class Tracked implements InboxEntry {
  readonly id: string;
  /** The reader's own share, until it has handed the entry to everyone. */
  #open = 1;
  readonly #done: () => void;

  constructor(id: string, done: () => void) {
    this.id = id;
    this.#done = done;
  }

  expect(more: number): void {
    this.#open += more;
  }

  settle(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#done();
  }
}
