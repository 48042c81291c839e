import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

export const AUDIT_LUA = readLua(new URL('./audit-library.lua', import.meta.url));

const recordScript = defineScript(
  'audit_record',
  ALLOW_FULL,
  AUDIT_LUA,
  readLua(new URL('./audit-record.lua', import.meta.url)),
);

/** For actions without a script of their own. */
export async function recordAudit(
  redis: RedisPort,
  keys: Keys,
  record: { max: number; by: string; kind: 'disconnect' | 'user_token_revoked'; target: string },
): Promise<void> {
  const { max, by, kind, target } = record;
  if (max > 0) await redis.script(recordScript, [keys.users], [keys.prefix, max, by, kind, target]);
}
