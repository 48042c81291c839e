import type { Keys } from '../../contract/store/keys.ts';
import { type DeliveryStep, markDelivery } from '../../contract/store/scripts/receipts.ts';
import { workOf } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { GatheredWrites } from './gathered-writes.ts';

/** Steps of messages that asked for a receipt, on their way into it. */
export class DeliveryMarks extends GatheredWrites<DeliveryStep> {
  constructor({ redis, keys, log }: { redis: RedisPort; keys: Keys; log: Pick<Log, 'error'> }) {
    super({ what: 'mark', workOf: () => workOf(1, 0), write: (steps) => markDelivery(redis, keys, steps), log });
  }
}
