import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { AUDIT_LUA } from '../../contract/store/scripts/audit.ts';
import { ALLOW_FULL, defineScript } from '../../contract/store/scripts/library.ts';
import { MAX_SERVICE_TOKENS, makeServiceToken, SCOPES } from '../../contract/store/service-tokens.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Refusal } from '../http/refusal.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { createTokenRequest, serviceToken } from './schema.ts';

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] id · [3] token at rest · [4] name · [5] scopes, [6] recipients as JSON ([6] '': anyone) · [7] TTL, s
 *     [8] who makes it · [9] the most tokens · [10] bound of the audit · [11] deadline, ms of Redis's clock
 * Returns {'ok', expires at, Unix s} | {'full'} | {'late'}
 * Atomic because: token, list and record agree, and no token is made after its request was given up.
 */
const createScript = defineScript(
  'create_service_token',
  `${AUDIT_LUA}
local id, index, seconds = ARGV[2], P .. 'service_tokens', math.floor(now / 1000)
if now > tonumber(ARGV[11]) then return { 'late' } end
redis.call('ZREMRANGEBYSCORE', index, '-inf', int(seconds))
if redis.call('ZCARD', index) >= tonumber(ARGV[9]) then return { 'full' } end
local expires = int(seconds + tonumber(ARGV[7]))
local key = P .. 'service_token:' .. id
redis.call('HSET', key, 'token', ARGV[3], 'name', ARGV[4], 'scopes', ARGV[5], 'recipients', ARGV[6],
  'created_by', ARGV[8], 'created_at', int(now), 'expires_at', expires)
redis.call('EXPIREAT', key, expires)
redis.call('ZADD', index, expires, id)
audit(tonumber(ARGV[10]), ARGV[8], 'token_created', 'target', id)
return { 'ok', expires }
`,
);

/**
 * KEYS[1] users
 * ARGV[1] prefix
 * Returns per token {id, name, scopes, recipients, created_by, created_at, expires_at}, the first to expire first
 */
const listScript = defineScript(
  'list_service_tokens',
  `
local rows = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'service_tokens', '(' .. int(now / 1000), '+inf')) do
  local f = redis.call('HMGET', P .. 'service_token:' .. id, 'name', 'scopes', 'recipients', 'created_by', 'created_at', 'expires_at')
  if f[1] then rows[#rows + 1] = { id, f[1], f[2], f[3], f[4], f[5], f[6] } end
end
return rows
`,
);

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] id · [3] who revokes it · [4] bound of the audit
 * Returns 1, or 0 when there is none
 */
const revokeScript = defineScript(
  'revoke_service_token',
  ALLOW_FULL,
  `${AUDIT_LUA}
redis.call('ZREM', P .. 'service_tokens', ARGV[2])
if redis.call('DEL', P .. 'service_token:' .. ARGV[2]) == 0 then return 0 end
audit(tonumber(ARGV[4]), ARGV[3], 'token_revoked', 'target', ARGV[2])
return 1
`,
);

export async function createServiceToken(
  { environment, redis, keys, clock }: Runtime,
  by: string,
  { name, scopes, recipients, ttl_s: ttlSeconds = environment.TOKEN_TTL_S }: z.infer<typeof createTokenRequest>,
): Promise<{ id: string; token: string; expires_at: number }> {
  const { id, token } = makeServiceToken();
  const whom = recipients === undefined ? '' : JSON.stringify([...new Set(recipients)]);
  const args = [id, tokenAtRest(token), name, JSON.stringify([...new Set(scopes)]), whom, ttlSeconds, by];
  const limits = [MAX_SERVICE_TOKENS, environment.AUDIT_MAX, await clock.deadline()];
  const reply = await redis.script(createScript, [keys.users], [keys.prefix, ...args, ...limits]);
  const [status, expiresAt] = reply as [string, string?];
  if (status === 'late') throw new RedisUnavailableError('the token could not be written in time');
  if (status === 'full') throw new Refusal(400, 'too_many_tokens');
  return { id, token, expires_at: Number(expiresAt) };
}

const storedScopes = z.array(z.enum(SCOPES));
const storedRecipients = z.array(z.string());

export async function listServiceTokens(redis: RedisPort, keys: Keys): Promise<z.infer<typeof serviceToken>[]> {
  const rows = (await redis.script(listScript, [keys.users], [keys.prefix])) as string[][];
  return rows.map(([id = '', name = '', scopes = '', recipients = '', by = '', createdAt, expiresAt]) => ({
    id,
    name,
    scopes: storedScopes.parse(JSON.parse(scopes)),
    recipients: recipients === '' ? null : storedRecipients.parse(JSON.parse(recipients)),
    created_by: by,
    created_at: Number(createdAt),
    expires_at: Number(expiresAt),
  }));
}

/** Answers whether there was one. It is worth nothing from this moment on. */
export async function revokeServiceToken(
  { environment, redis, keys }: Runtime,
  by: string,
  id: string,
): Promise<boolean> {
  return (await redis.script(revokeScript, [keys.users], [keys.prefix, id, by, environment.AUDIT_MAX])) === 1;
}
