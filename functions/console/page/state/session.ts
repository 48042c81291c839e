import { signal } from '@preact/signals';
import { number, object, optional, string } from 'zod/mini';
import { type Failure, request } from '../api/request.ts';
import { readStored, writeStored } from './storage.ts';

/** Who is logged in. The token lives in sessionStorage alone: it ends with the tab. */
export interface Session {
  userId: string;
  token: string;
}

export type LoginNotice =
  | { kind: 'ended' }
  | { kind: 'logged-out' }
  | { kind: 'logged-out-here' }
  | { kind: 'not-operator'; userId: string };

const SESSION_KEY = 'fronttcp.session';
const sessionSchema = object({ userId: string(), token: string() });
const loginSchema = object({ token: string(), expires_at: optional(number()) });
const doneSchema = object({ code: number() });

export const session = signal<Session | undefined>(restore());
export const loginNotice = signal<LoginNotice | undefined>(undefined);

/** Logs in and learns whether this user may use the console at all, before it shows. */
export async function logIn(userId: string, password: string): Promise<Failure | undefined> {
  const login = await request(loginSchema, {
    method: 'POST',
    path: 'login',
    body: { phone_number: userId, password },
  });
  if (!login.ok) return login.failure;
  const { token } = login.value;
  const allowed = await request(object({}), { method: 'GET', path: 'stats', token });
  if (!allowed.ok && allowed.failure.kind === 'forbidden') {
    loginNotice.value = { kind: 'not-operator', userId };
    return allowed.failure;
  }
  writeStored('sessionStorage', SESSION_KEY, JSON.stringify({ userId, token }));
  loginNotice.value = undefined;
  session.value = { userId, token };
  return undefined;
}

/** Revokes the token; out of reach of the API, forgets it here and says so. */
export async function logOut(): Promise<void> {
  const current = session.value;
  if (!current) return;
  const answer = await request(doneSchema, { method: 'POST', path: 'logout', token: current.token });
  const revoked = answer.ok || answer.failure.kind === 'unauthorized';
  endSession({ kind: revoked ? 'logged-out' : 'logged-out-here' });
}

/** Every failed call passes here: one with a token that is over, or not an operator's, leads back to the login. */
export function endSessionOn(failure: Failure, token: string): void {
  if (session.value?.token !== token) return;
  if (failure.kind === 'unauthorized') endSession({ kind: 'ended' });
  if (failure.kind === 'forbidden') endSession({ kind: 'not-operator', userId: session.value.userId });
}

function endSession(notice: LoginNotice): void {
  writeStored('sessionStorage', SESSION_KEY, undefined);
  loginNotice.value = notice;
  session.value = undefined;
}

function restore(): Session | undefined {
  const text = readStored('sessionStorage', SESSION_KEY);
  if (text === undefined) return undefined;
  try {
    return sessionSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
