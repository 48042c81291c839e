import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from './library.ts';

/**
 * `audit`: a bounded stream of who did what to whom: ids, never contents. Written by the script that does it, so that
 * nothing is done without its record. `most` 0: none is kept.
 */
export const AUDIT_LUA = `
local function audit(most, by, kind, ...)
  if most == 0 then return end
  redis.call('XADD', P .. 'audit', 'MAXLEN', '~', int(most), '*', 'at', int(now), 'by', by, 'kind', kind, ...)
end

-- a list of ids for a record: the first hundred; how many there are in all is said beside it
local function named(recipients)
  local first = {}
  for i = 1, math.min(#recipients, 100) do first[i] = recipients[i] end
  return cjson.encode(first)
end
`;

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] bound · [3] who · [4] kind · [5] whom or what it was done to
 */
const recordScript = defineScript(
  'audit_record',
  `${AUDIT_LUA}\naudit(tonumber(ARGV[2]), ARGV[3], ARGV[4], 'target', ARGV[5])`,
);

/** For what no script of its own does. */
export async function recordAudit(
  redis: RedisPort,
  keys: Keys,
  record: { most: number; by: string; kind: 'disconnect' | 'user_token_revoked'; target: string },
): Promise<void> {
  const { most, by, kind, target } = record;
  if (most > 0) await redis.script(recordScript, [keys.users], [keys.prefix, most, by, kind, target]);
}
