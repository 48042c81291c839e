import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { defineScript } from '../../contract/store/scripts/library.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { LETTER_LUA } from './letter.ts';
import {
  type DeadLettersQuery,
  type deadLetter,
  type deadLettersAnswer,
  NAMED_RECIPIENTS,
  SHOWN_BYTES,
} from './schema.ts';

/** A page ends with the letter that reaches it: entries may be of any size. */
const PAGE_BYTES = 1_048_576;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] only letters below this position, or '': the newest · [3] most
 * Returns {total, letters}, the newest first: per letter {position, name, entry (its beginning), bytes, encoding or '',
 *     reason or '', at or '', unknown recipients as JSON or ''}
 * Atomic because: positions count from the oldest letter, and hold for one moment.
 */
const listScript = defineScript(
  'list_dead_letters',
  `${LETTER_LUA}
local total, most = redis.call('LLEN', dead), tonumber(ARGV[3])
local below = ARGV[2] == '' and total or math.min(total, tonumber(ARGV[2]))
local rows, bytes = {}, 0
for position = below - 1, math.max(0, below - most), -1 do
  local raw = redis.call('LINDEX', dead, -1 - position)
  local letter = read(raw)
  local entry, to = letter.entry, ''
  if #entry > ${SHOWN_BYTES} then
    -- not in the middle of a character
    entry = string.gsub(string.sub(entry, 1, ${SHOWN_BYTES}), '[\\192-\\255][\\128-\\191]*$', '')
  end
  if letter.chat_to then
    local first = {}
    for i = 1, math.min(#letter.chat_to, ${NAMED_RECIPIENTS}) do first[i] = letter.chat_to[i] end
    to = #first > 0 and cjson.encode(first) or ''
  end
  rows[#rows + 1] = { int(position), name(raw), entry, int(#letter.entry), letter.encoding or '', letter.reason or '',
    letter.at and int(letter.at) or '', to }
  bytes = bytes + #raw
  if bytes > ${PAGE_BYTES} then break end
end
return { total, rows }
`,
);

const recipients = z.array(z.string());

/** A page of the dead letters, the newest first. What comes meanwhile shifts nothing. */
export async function listDeadLetters(
  redis: RedisPort,
  keys: Keys,
  { limit, cursor = '' }: DeadLettersQuery,
): Promise<z.infer<typeof deadLettersAnswer>> {
  const reply = await redis.script(listScript, [keys.users], [keys.prefix, cursor, limit]);
  const [total, rows] = reply as [number, string[][]];
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
