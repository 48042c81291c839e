import type { Keys } from '../../contract/store/keys.ts';
import type { Actor } from '../../contract/store/scripts/action.ts';
import { type Cancellation, cancelCommands } from '../../contract/store/scripts/schedule.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { nameOfStep } from '../http/idempotency-key.ts';
import { HttpRefusal } from '../http/refusal.ts';

/** Cancels one command by its id. Refuses with 404 when the id is unknown or has expired. */
export async function cancelById(redis: RedisPort, keys: Keys, id: string, actor: Actor): Promise<object> {
  const cancellation = await cancelCommands(redis, keys, [id], actor);
  if (cancellation.found === 0) throw new HttpRefusal(404, 'no_such_command');
  return answerOf(cancellation);
}

/** Cancels the commands of the call with this Idempotency-Key. Refuses with 404 for an unknown key. */
export async function cancelByKey(redis: RedisPort, keys: Keys, name: string, actor: Actor): Promise<object> {
  const sent = await sentWith(redis, keys, actor.by, name);
  if (sent.length === 0) throw new HttpRefusal(404, 'no_such_command');
  let cancelled = 0;
  let tooLate = 0;
  for (const { id, accepted } of sent) {
    const one = await cancelCommands(redis, keys, [id], actor);
    cancelled += one.cancelled;
    // For commands that have been on their way for a while, only the counts of the call are left.
    tooLate += one.found === 0 ? accepted : one.tooLate;
  }
  return answerOf({ cancelled, tooLate });
}

function answerOf({ cancelled, tooLate }: Pick<Cancellation, 'cancelled' | 'tooLate'>): object {
  return { cancelled, too_late: tooLate };
}

/** Ids of the commands of a call, and how many recipients each had; a large batch was sent in several steps. */
async function sentWith(redis: RedisPort, keys: Keys, userId: string, name: string) {
  const sent: { id: string; accepted: number }[] = [];
  for (let at = 0, steps = 1; at < steps; at += 1) {
    const record = await redis.command('GET', keys.idempotency(userId, nameOfStep(name, at)));
    // A step that failed has none.
    if (typeof record !== 'string') continue;
    const [, entry = '', answers = ''] = record.split(' ');
    steps = Math.max(steps, stepsIn(entry) ?? at + 2);
    for (const answer of answers.split(';')) {
      const [id = '0', online, stored] = answer.split(',');
      if (id !== '0' && id !== '') sent.push({ id, accepted: Number(online) + Number(stored) });
    }
  }
  return sent;
}

/** The number of steps of the request, in the record of each; undefined: it had one, or an older version has sent it. */
function stepsIn(entry: string): number | undefined {
  return entry.startsWith('/') ? Number(entry.slice(1)) : undefined;
}
