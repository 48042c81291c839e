import type { Keys } from '../../contract/store/keys.ts';
import { adoptUnread } from '../../contract/store/scripts/unread.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

interface AdoptParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly lease: { readonly gatewayId: string };
  readonly log: Pick<Log, 'info' | 'error'>;
}

/** Takes records that an older version of the gateway did not know, and kept. Does not reject. */
export async function adoptRecords({ redis, keys, lease, log }: AdoptParts): Promise<void> {
  try {
    const records = await adoptUnread(redis, keys, lease.gatewayId);
    if (records > 0) log.info({ event: 'unread_adopted', records }, 'took records that an older version had kept');
  } catch (error) {
    log.error({ event: 'store_failed', what: 'unread', error: String(error) }, 'could not look for unread records');
  }
}
