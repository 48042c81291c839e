import type { Keys } from '../../contract/keys.ts';
import { sweepMailboxes } from '../../contract/scripts/sweep.ts';
import type { GatewayConfig } from '../config.ts';
import type { Log } from '../observe/log.ts';
import type { GatewayRedis } from '../store/redis.ts';
import type { Lease } from './lease.ts';

const INTERVAL_MS = 3_000;
/** A step takes Redis less than a millisecond; a million users are round in an hour and a half with one gateway. */
const USERS_PER_STEP = 500;

/** Sees to the mailboxes of users who do not come back: what is older than OFFLINE_TTL_S leaves them. */
export class Sweeper {
  readonly #parts: { redis: GatewayRedis; keys: Keys; config: GatewayConfig; lease: Lease; log: Log };
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: { redis: GatewayRedis; keys: Keys; config: GatewayConfig; lease: Lease; log: Log }) {
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
      await sweepMailboxes(redis, keys, config.offlineTtlSeconds, USERS_PER_STEP).catch((error: unknown) =>
        log.error({ event: 'store_failed', what: 'sweep', error: String(error) }, 'could not sweep mailboxes'),
      );
    }
    if (this.#timer !== undefined) this.start();
  }
}
