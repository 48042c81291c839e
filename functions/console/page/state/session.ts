import { signal } from '@preact/signals';
import { number, object, optional, string } from 'zod/mini';
import { type Failure, request } from '../api/request.ts';
import { readStored, writeStored } from './storage.ts';

/** Who is logged in. The token lives in sessionStorage alone: it ends with the tab. */
interface Session {
  userId: string;
  token: string;
  /** Undefined: the API did not say when. */
  expiresAtMs?: number | undefined;
}

export type LoginNotice =
  | { kind: 'expired'; atMs: number }
  | { kind: 'revoked' }
  | { kind: 'logged-out' }
  | { kind: 'logged-out-here' }
  | { kind: 'not-operator'; userId: string };

const SESSION_KEY = 'fronttcp.session';
const sessionSchema = object({ userId: string(), token: string(), expiresAtMs: optional(number()) });
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
  const { token, expires_at } = login.value;
  const allowed = await request(object({}), { method: 'GET', path: 'stats', token });
  if (!allowed.ok && allowed.failure.kind === 'forbidden') {
    loginNotice.value = { kind: 'not-operator', userId };
    return allowed.failure;
  }
  const opened: Session = { userId, token, expiresAtMs: expires_at && expires_at * 1000 };
  writeStored('sessionStorage', SESSION_KEY, JSON.stringify(opened));
  loginNotice.value = undefined;
  session.value = opened;
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
  const ended = session.value;
  if (ended?.token !== token) return;
  if (failure.kind === 'unauthorized') endSession(reasonOf(ended));
  if (failure.kind === 'forbidden') endSession({ kind: 'not-operator', userId: ended.userId });
}

/** The API does not say why it refuses a token, but the time at which it expires is known here. */
function reasonOf({ expiresAtMs }: Session): LoginNotice {
  if (expiresAtMs === undefined || expiresAtMs > Date.now()) return { kind: 'revoked' };
  return { kind: 'expired', atMs: expiresAtMs };
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
