import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { tupleOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { LETTER_LUA } from './letter.ts';
import {
  type DeadLettersQuery,
  type deadLetter,
  type deadLettersAnswer,
  NAMED_RECIPIENTS,
  SHOWN_BYTES,
} from './schema.ts';

const listScript = defineScript(
  'list_dead_letters',
  LETTER_LUA,
  readLua(new URL('./list-dead-letters.lua', import.meta.url)),
);

const recipients = z.array(z.string());

/** A page of the dead letters, the newest first. New letters do not shift it. */
export async function listDeadLetters(
  redis: RedisPort,
  keys: Keys,
  { limit, cursor = '' }: DeadLettersQuery,
): Promise<z.infer<typeof deadLettersAnswer>> {
  const reply = await redis.script(
    listScript,
    [keys.users],
    [keys.prefix, cursor, limit, SHOWN_BYTES, NAMED_RECIPIENTS],
  );
  const [total, rows] = tupleOf(reply, 'number', 'rows');
  const oldest = Number(rows.at(-1)?.[0] ?? 0);
  return { letters: rows.map(letterOf), total, cursor: oldest > 0 ? String(oldest) : null };
}

function letterOf([position, name, entry = '', bytes, encoding, reason, at, to]: string[]): z.infer<typeof deadLetter> {
  return {
    id: `${position}-${name}`,
    entry,
    bytes: Number(bytes),
    encoding: encoding === 'latin1' ? 'latin1' : 'utf8',
    reason: reason || null,
    at: at ? Number(at) : null,
    chat_to: to ? recipients.parse(JSON.parse(to)) : null,
  };
}
