import type { Keys } from '../../contract/store/keys.ts';
import { sweepMailboxes } from '../../contract/store/scripts/sweep.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

const INTERVAL_MS = 3_000;
/** The first gateway of the fleet does it, the others skip: the cost for Redis does not grow with the gateways. */
const PAUSE_MS = 2_500;
/** A step takes Redis about two milliseconds; a million users are round in an hour and a half. */
const USERS_PER_STEP = 500;

interface SweeperParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: { readonly offlineTtlSeconds: number };
  readonly lease: { readonly isHeld: boolean };
  readonly log: Pick<Log, 'error'>;
}

/** Removes messages older than OFFLINE_TTL_S from the mailboxes of users who do not come back. */
export class Sweeper {
  readonly #parts: SweeperParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#step(), INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #step(): Promise<void> {
    const { redis, keys, config, lease, log } = this.#parts;
    if (lease.isHeld) {
      const step = { offlineTtlSeconds: config.offlineTtlSeconds, max: USERS_PER_STEP, pauseMs: PAUSE_MS };
      await sweepMailboxes(redis, keys, step).catch((error: unknown) =>
        log.error({ event: 'store_failed', what: 'sweep', error: String(error) }, 'could not sweep mailboxes'),
      );
    }
    if (this.#timer !== undefined) this.start();
  }
}
