import { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { rowsOf, textsOf } from '../../contract/store/redis-reply.ts';
import { ACTION_LUA, act } from '../../contract/store/scripts/action.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { MAX_SERVICE_TOKENS, makeServiceToken, SCOPES } from '../../contract/store/service-tokens.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { actorOf } from '../runtime/actor.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { createTokenRequest, serviceToken } from './schema.ts';

const createScript = defineScript(
  'create_service_token',
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./create-service-token.lua', import.meta.url)),
);

const listScript = defineScript('list_service_tokens', readLua(new URL('./list-service-tokens.lua', import.meta.url)));

const revokeScript = defineScript(
  'revoke_service_token',
  ALLOW_FULL,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./revoke-service-token.lua', import.meta.url)),
);

export async function createServiceToken(
  runtime: Runtime,
  by: string,
  request: z.infer<typeof createTokenRequest>,
): Promise<{ id: string; token: string; expires_at: number }> {
  const { environment, redis, keys } = runtime;
  const { name, scopes, recipients, ttl_s: ttlSeconds = environment.TOKEN_TTL_S } = request;
  const { id, token } = makeServiceToken();
  const whom = recipients === undefined ? '' : JSON.stringify([...new Set(recipients)]);
  const args = [id, tokenAtRest(token), name, JSON.stringify([...new Set(scopes)]), whom, ttlSeconds];
  const reply = await act(redis, keys, createScript, actorOf(runtime, by), [...args, MAX_SERVICE_TOKENS]);
  const [status, expiresAt] = textsOf(reply);
  if (status === 'full') throw new HttpRefusal(400, 'too_many_tokens');
  return { id, token, expires_at: Number(expiresAt) };
}

const storedScopes = z.array(z.enum(SCOPES));
const storedRecipients = z.array(z.string());

export async function listServiceTokens(redis: RedisPort, keys: Keys): Promise<z.infer<typeof serviceToken>[]> {
  const rows = rowsOf(await redis.script(listScript, [keys.users], [keys.prefix]));
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

/** Returns whether there was such a token. It is invalid from this moment on. */
export async function revokeServiceToken(runtime: Runtime, by: string, id: string): Promise<boolean> {
  const { redis, keys } = runtime;
  return (await act(redis, keys, revokeScript, actorOf(runtime, by), [id])) === 1;
}
