import { z } from 'zod';
import { isServiceToken, type Scope, serviceName, serviceTokenId } from '../../contract/store/service-tokens.ts';
import { tokenAtRest, tokenMatches, userIdOfToken } from '../../contract/store/tokens.ts';
import { HttpRefusal } from '../http/refusal.ts';
import type { ApiRequest } from '../http/serve.ts';
import type { Runtime } from './runtime.ts';

/** Compared with when there is no stored token, so that an unknown user takes the same steps as a wrong token. */
const NO_TOKEN = `sha256:${'0'.repeat(64)}`;

export const OPERATOR = 'operator';

/** The required right: that of an operator, or that of an operator or a service token with this scope. */
type Need = typeof OPERATOR | Scope;

export interface Caller {
  /** A user id, or `service:<name>`. */
  readonly userId: string;
  /** The only allowed recipients; undefined: anyone. */
  readonly recipients: ReadonlySet<string> | undefined;
  /** The stored form of the token that a user presented. */
  readonly tokenField?: string;
}

/**
 * Finds the owner of the request's token, with one read. Refuses with 401 without a valid token, and with 403 when a right is required that
 * the user's role, or the scopes of the service token, do not grant. Without a required right any user is accepted, but no service.
 */
export async function authorize(runtime: Runtime, request: ApiRequest, need?: Need): Promise<Caller> {
  const token = bearerToken(request);
  if (token === undefined) throw unauthorized('no_token');
  return isServiceToken(token) ? serviceOf(runtime, request, token, need) : userOf(runtime, request, token, need);
}

function bearerToken({ event }: ApiRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(event.headers.authorization ?? '')?.[1];
}

/** A user's token as it was presented: unchecked. */
export interface PresentedToken {
  readonly userId: string;
  /** As a login stores it. */
  readonly token: string;
}

/** For a script that checks the token itself, in the call that carries out the request. Undefined: see `authorize`. */
export function presentedToken(request: ApiRequest): PresentedToken | undefined {
  const token = bearerToken(request);
  const userId = token === undefined ? undefined : userIdOfToken(token);
  return token === undefined || userId === undefined ? undefined : { userId, token: tokenAtRest(token) };
}

async function userOf(
  { redis, keys, clock }: Runtime,
  request: ApiRequest,
  token: string,
  need?: Need,
): Promise<Caller> {
  const userId = userIdOfToken(token);
  if (userId === undefined) throw unauthorized('bad_token');
  const fields = await redis.command('HMGET', keys.user(userId), 'token', 'token_expires_at', 'role', 'more_tokens');
  const [stored, expiresAt, role, more] = fields as (string | null)[];
  const tokens = [[stored, expiresAt] as const, ...(role === OPERATOR ? moreTokens(more) : [])];
  const genuine = tokens.flatMap(([field, until]) => (field && tokenMatches(token, field) ? [{ field, until }] : []));
  if (!stored) tokenMatches(token, NO_TOKEN);
  const nowMs = genuine.length > 0 ? await clock.now() : 0;
  const tokenField = genuine.find(({ until }) => isCurrent(until, nowMs))?.field;
  if (tokenField === undefined) throw unauthorized('bad_token');
  request.logFields.user = userId;
  if (need !== undefined && role !== OPERATOR) throw new HttpRefusal(403, 'not_operator');
  return { userId, recipients: undefined, tokenField };
}

/** As contract/store/scripts/tokens-library.lua writes them. */
function moreTokens(field: string | null | undefined): (readonly [token: string, expiresAt: string])[] {
  return [...(field ?? '').matchAll(/(sha256:[\da-f]+) (\d+)/g)].map(([, token = '', until = '0']) => [token, until]);
}

const idList = z.array(z.string());

async function serviceOf(
  { redis, keys, clock }: Runtime,
  request: ApiRequest,
  token: string,
  need?: Need,
): Promise<Caller> {
  const id = serviceTokenId(token);
  if (id === undefined || need === undefined) throw unauthorized('bad_token');
  const names = ['token', 'expires_at', 'name', 'scopes', 'recipients'];
  const fields = await redis.command('HMGET', keys.serviceToken(id), ...names);
  const [stored, expiresAt, name, scopes, recipients] = fields as (string | null)[];
  const isGenuine = tokenMatches(token, stored || NO_TOKEN) && Boolean(stored);
  if (!isGenuine || !isCurrent(expiresAt, await clock.now())) throw unauthorized('bad_token');
  request.logFields.user = serviceName(name ?? '');
  const given = idList.parse(JSON.parse(scopes ?? '[]'));
  if (!given.includes(need)) throw new HttpRefusal(403, 'not_in_scope');
  const only = recipients ? new Set(idList.parse(JSON.parse(recipients))) : undefined;
  return { userId: serviceName(name ?? ''), recipients: only };
}

/** Tokens expire by Redis's clock, as they do at the gateways. */
function isCurrent(expiresAt: string | null | undefined, nowMs: number): boolean {
  return expiresAt == null || Number(expiresAt) * 1000 > nowMs;
}

function unauthorized(reason: 'no_token' | 'bad_token'): HttpRefusal {
  return new HttpRefusal(401, reason, { headers: { 'www-authenticate': 'Bearer' } });
}
