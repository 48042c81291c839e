import { textsOf } from '../../contract/store/redis-reply.ts';
import { withDeadline } from '../../contract/store/scripts/action.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, readLua } from '../../contract/store/scripts/library.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { LETTER_LUA } from './letter.ts';
import { entryFor } from './retry-entry.ts';
import { deadLetterId } from './schema.ts';

const takeScript = defineScript(
  'take_dead_letter',
  ALLOW_FULL,
  LETTER_LUA,
  AUDIT_LUA,
  readLua(new URL('./take-dead-letter.lua', import.meta.url)),
);

/** Puts a dead letter back into the queue, or deletes it. Searches for it in steps. Returns whether there was such a letter. */
export async function takeDeadLetter(
  { environment, redis, keys, clock }: Runtime,
  how: { id: string; what: 'retry' | 'delete'; by: string },
): Promise<boolean> {
  const { id, what, by } = how;
  const [, position, name] = deadLetterId.exec(id) ?? [];
  if (position === undefined || name === undefined) return false;
  const call = `dead_letter:${crypto.randomUUID()}`;
  const step = (entry: string, from: string) =>
    withDeadline(
      clock,
      async (deadline) => {
        const args = [keys.prefix, position, name, what, entry, id, by, environment.AUDIT_MAX, deadline, call, from];
        return textsOf(await redis.script(takeScript, [keys.users], args));
      },
      ([status]) => status === 'late',
    );
  const take = async (entry: string) => {
    let reply = await step(entry, position);
    while (reply[0] === 'more') reply = await step(entry, reply[1] ?? '');
    return reply;
  };
  let [status, entry, recipients] = await take('');
  if (status === 'partly') [status, entry, recipients] = await take(entryFor(entry ?? '', recipients ?? ''));
  return status === 'done';
}
