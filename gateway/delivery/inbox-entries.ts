import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Latch } from '../../shared/time/latch.ts';

/** An entry that a slow reader keeps open does not keep more than so many done ones in Redis, */
const DONE_BEHIND_MAX = 500;
/** nor for longer than this. A gateway that dies hands over what is in its inbox: to a plain client a second copy of what it has. */
const DONE_BEHIND_MS = 500;

/** One entry on its way to its sessions. Done when it was settled as often as expected. */
export interface InboxEntry {
  readonly id: string;
  expect(more: number): void;
  settle(): void;
}

/**
 * Which entries of the inbox are done, and their removal: once per turn at the latest, up to the first that is not done
 * (one XTRIM); those done behind it one by one, when they become many or half a second is over.
 */
export class InboxEntries {
  readonly #redis: RedisPort;
  readonly #inbox: string;
  readonly #log: Pick<Log, 'error'>;
  #entries: Tracked[] = [];
  #doneBehind = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #removing: Promise<void> = Promise.resolve();
  readonly #idle = new Latch();

  constructor(redis: RedisPort, inbox: string, log: Pick<Log, 'error'>) {
    this.#redis = redis;
    this.#inbox = inbox;
    this.#log = log;
  }

  get open(): number {
    return this.#entries.length;
  }

  begin(id: string): InboxEntry {
    const entry = new Tracked(id, () => this.#done());
    this.#entries.push(entry);
    return entry;
  }

  async idle(): Promise<void> {
    if (this.#entries.length > 0) await this.#idle.opened();
    await this.#removing;
  }

  #done(): void {
    this.#doneBehind += 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.remove(this.#redis);
    });
  }

  /** Now, and through `redis`, where it can leave with another command. */
  remove(redis: RedisPort): void {
    const firstOpen = this.#entries.findIndex((entry) => entry.open > 0);
    const done = firstOpen === -1 ? this.#entries.length : firstOpen;
    if (done > 0) {
      const last = this.#entries[done - 1];
      this.#entries.splice(0, done);
      this.#doneBehind -= done;
      if (last) this.#run(redis, ['XTRIM', this.#inbox, 'MINID', after(last.id)]);
    }
    if (this.#doneBehind > DONE_BEHIND_MAX) this.#removeBehind(redis);
    this.#watchBehind();
    if (this.#entries.length === 0) this.#idle.open();
  }

  #watchBehind(): void {
    if (this.#doneBehind === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        if (this.#doneBehind > 0) this.#removeBehind(this.#redis);
      }, DONE_BEHIND_MS);
      this.#timer.unref();
    }
  }

  #removeBehind(redis: RedisPort): void {
    const ids = this.#entries.filter((entry) => entry.open === 0).map((entry) => entry.id);
    this.#entries = this.#entries.filter((entry) => entry.open > 0);
    this.#doneBehind = 0;
    this.#run(redis, ['XDEL', this.#inbox, ...ids]);
  }

  #run(redis: RedisPort, command: [string, ...string[]]): void {
    this.#removing = Promise.all([this.#removing, this.#remove(redis, command)]).then(() => undefined);
  }

  async #remove(redis: RedisPort, [name, ...args]: [string, ...string[]]): Promise<void> {
    try {
      await redis.command(name, ...args);
    } catch (error) {
      // A connection that was given up meanwhile.
      if (redis !== this.#redis) return this.#remove(this.#redis, [name, ...args]);
      this.#log.error({ event: 'store_failed', what: name, error: String(error) }, 'could not remove inbox entries');
    }
  }
}

class Tracked implements InboxEntry {
  readonly id: string;
  /** The reader's own share, until it has handed the entry to everyone. */
  open = 1;
  readonly #done: () => void;

  constructor(id: string, done: () => void) {
    this.id = id;
    this.#done = done;
  }

  expect(more: number): void {
    this.open += more;
  }

  settle(): void {
    this.open -= 1;
    if (this.open === 0) this.#done();
  }
}

/** The smallest id behind this one. */
function after(id: string): string {
  const [ms = '0', n = '0'] = id.split('-');
  return `${ms}-${BigInt(n) + 1n}`;
}
