import type { Keys } from '../../contract/store/keys.ts';
import type { MailboxBound } from '../../contract/store/scripts/mailbox-bound.ts';
import { releaseScheduled } from '../../contract/store/scripts/schedule.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

interface ScheduledReleasesParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: { readonly offlineTtlSeconds: number } & MailboxBound;
  readonly lease: { readonly isHeld: boolean; readonly highestId: number };
  readonly counters: { released: number };
  readonly log: Pick<Log, 'warn'>;
}

/** A command that is scheduled meanwhile may be due sooner: it is then released late, by this much at most. */
const MAX_PAUSE_MS = 1_000;

/** Releases commands with `not_before` when they are due. Every gateway looks; the script gives each command to one. */
export class ScheduledReleases {
  readonly #parts: ScheduledReleasesParts;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  constructor(parts: ScheduledReleasesParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#isRunning = true;
    void this.#step();
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  async #step(): Promise<void> {
    const pauseMs = this.#parts.lease.isHeld ? await this.#release() : MAX_PAUSE_MS;
    if (this.#isRunning) this.#timer = setTimeout(() => void this.#step(), pauseMs);
  }

  /** Returns when to look again, ms from now. */
  async #release(): Promise<number> {
    const { redis, keys, config, lease, counters, log } = this.#parts;
    try {
      const { released, nextInMs = MAX_PAUSE_MS } = await releaseScheduled(redis, keys, config, lease.highestId);
      counters.released += released;
      return Math.min(nextInMs, MAX_PAUSE_MS);
    } catch (error) {
      log.warn({ event: 'release_failed', error: String(error) }, 'could not release scheduled commands');
      return MAX_PAUSE_MS;
    }
  }
}
