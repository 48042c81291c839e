import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { tupleOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { recordedRecipients } from './recorded-recipients.ts';
import { type CommandsQuery, type commandsAnswer, deliveryState, type pastCommand } from './schema.ts';

const listScript = defineScript('list_commands', readLua(new URL('./list-commands.lua', import.meta.url)));

const counts = z.partialRecord(deliveryState, z.int());

/** One call does a step of work: that is 400 records of a hundred recipients each, or 3,000 of one. */
const LIST_CALLS = 5;

/** Sent commands, the newest first, from the audit and the receipts. A page may be short, or empty, although more follow. */
export async function listCommands(
  redis: RedisPort,
  keys: Keys,
  { limit, before, from = '', to = '' }: CommandsQuery,
): Promise<z.infer<typeof commandsAnswer>> {
  const commands: z.infer<typeof pastCommand>[] = [];
  let cursor = before ?? '';
  for (let call = 0; call < LIST_CALLS; call += 1) {
    const start = cursor === '' ? '+' : `(${cursor}`;
    const args = [keys.prefix, start, limit - commands.length, from, to];
    const [rows, next] = tupleOf(await redis.script(listScript, [keys.users], args), 'rows', 'text');
    commands.push(...rows.map(commandOf));
    cursor = next;
    if (cursor === '' || commands.length === limit) break;
  }
  return { commands, cursor: cursor || null };
}

function commandOf(row: readonly string[]): z.infer<typeof pastCommand> {
  const [, at, from = '', id = '', commandId, recipients, to, inReceipt, states] = row;
  return {
    id,
    command_id: Number(commandId),
    from,
    accepted_at: Number(at),
    ...recordedRecipients(to, recipients),
    receipt: inReceipt
      ? { recipients: Number(inReceipt), states: states ? counts.parse(JSON.parse(states)) : null }
      : null,
  };
}
