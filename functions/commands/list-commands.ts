import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { recordedRecipients } from './recorded-recipients.ts';
import { type CommandsQuery, type commandsAnswer, deliveryState, type pastCommand } from './schema.ts';

const listScript = defineScript('list_commands', readLua(new URL('./list-commands.lua', import.meta.url)));

const counts = z.partialRecord(deliveryState, z.int());

/** Sent commands, the newest first, from the audit and the receipts. A page may be short, or empty, although more follow. */
export async function listCommands(
  redis: RedisPort,
  keys: Keys,
  { limit, before, from = '', to = '' }: CommandsQuery,
): Promise<z.infer<typeof commandsAnswer>> {
  const start = before === undefined ? '+' : `(${before}`;
  const reply = await redis.script(listScript, [keys.users], [keys.prefix, start, limit, from, to]);
  const [rows, cursor] = reply as [string[][], string];
  return { commands: rows.map(commandOf), cursor: cursor || null };
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
