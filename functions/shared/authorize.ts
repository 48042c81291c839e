import { tokenMatches, userIdOfToken } from '../../contract/tokens.ts';
import { Refusal } from './http/refusal.ts';
import type { ApiRequest } from './http/serve.ts';
import type { Runtime } from './runtime.ts';

/** Compared with where there is no token, so that an unknown user takes the same steps as a wrong token. */
const NO_TOKEN = `sha256:${'0'.repeat(64)}`;

export const OPERATOR = 'operator';

/**
 * Whose token the request carries, by one read. Refuses 401 without a valid one, and 403 when `role` is asked for
 * and the user does not have it.
 */
export async function authorize(
  { redis, keys }: Runtime,
  request: ApiRequest,
  role?: typeof OPERATOR,
): Promise<{ userId: string }> {
  const token = /^Bearer +(\S+) *$/i.exec(request.event.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('no_token');
  const userId = userIdOfToken(token);
  if (userId === undefined) throw unauthorized('bad_token');
  const fields = await redis.command('HMGET', keys.user(userId), 'token', 'token_expires_at', 'role');
  const [stored, expiresAt, userRole] = fields as (string | null)[];
  const isMatch = tokenMatches(token, stored ?? NO_TOKEN);
  const isCurrent = expiresAt == null || Number(expiresAt) * 1000 > Date.now();
  if (!stored || !isMatch || !isCurrent) throw unauthorized('bad_token');
  request.facts.user = userId;
  if (role !== undefined && userRole !== role) throw new Refusal(403, 'not_operator');
  return { userId };
}

function unauthorized(reason: 'no_token' | 'bad_token'): Refusal {
  return new Refusal(401, reason, { headers: { 'www-authenticate': 'Bearer' } });
}
