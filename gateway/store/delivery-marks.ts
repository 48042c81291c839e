import type { Keys } from '../../contract/store/keys.ts';
import { type DeliveryStep, markDelivery } from '../../contract/store/scripts/receipts.ts';
import { workOf } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { GatheredWrites } from './gathered-writes.ts';
import type { RecentCalls } from './recent-calls.ts';

/** About what a step holds in memory. */
const STEP_BYTES = 200;

interface DeliveryMarksParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly recent: Pick<RecentCalls, 'make'>;
  readonly log: Pick<Log, 'error'>;
}

/** Steps of messages that asked for a receipt, on their way into it. */
export class DeliveryMarks extends GatheredWrites<DeliveryStep> {
  constructor({ redis, keys, recent, log }: DeliveryMarksParts) {
    super({
      what: 'mark',
      workOf: () => workOf(1, 0),
      write: (steps) => recent.make(STEP_BYTES * steps.length, (call) => markDelivery(redis, keys, steps, call)),
      log,
    });
  }
}
