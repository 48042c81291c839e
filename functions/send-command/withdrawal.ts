import { setTimeout } from 'node:timers/promises';
import type { withdrawCommands } from '../../contract/store/scripts/withdraw.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** How long the 503 waits for the withdrawal to leave; together with the call before it, less than 2 s. */
const LEAVE_MS = 200;
/** While Redis is unreachable it is repeated with growing pauses, for as long as gateways may not have checked yet. */
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 2_000;

type Withdraw = (commands: Parameters<typeof withdrawCommands>[2], idempotencyKey: string) => Promise<void>;

/**
 * Withdraws a request that got no reply and is refused for that reason. A store that froze between carrying it out and
 * replying finds the withdrawal in its socket when it continues, before any gateway has read the messages.
 */
export function createWithdrawal({ environment, redis, keys, log }: Runtime): Withdraw {
  async function keepTrying(commands: Parameters<Withdraw>[0], idempotencyKey: string): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      try {
        // Most processes never need it: it is not read when they start.
        const script = await import('../../contract/store/scripts/withdraw.ts');
        await script.withdrawCommands(redis, keys, commands, { idempotencyKey, auditMax: environment.AUDIT_MAX });
        return;
      } catch (error) {
        const isAway = error instanceof RedisUnavailableError;
        if (isAway && pauseMs <= LAST_PAUSE_MS) await setTimeout(pauseMs, undefined, { ref: false });
        else return void log.warn({ event: 'withdrawal_failed', error: String(error) });
      }
    }
  }
  return async (commands, idempotencyKey) => {
    await Promise.race([keepTrying(commands, idempotencyKey), setTimeout(LEAVE_MS)]);
  };
}
