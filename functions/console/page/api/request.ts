import { config, object, optional, string, type ZodMiniType } from 'zod/mini';
import { parseJson } from '../../../../shared/raw-json.ts';
import { language } from '../state/preferences.ts';

// The page's policy forbids eval, and zod would try it once to see whether it may.
config({ jitless: true });

/** Why a request failed: one kind for each reaction of the page. */
export type Failure =
  | { kind: 'network' }
  | { kind: 'unauthorized' }
  | { kind: 'forbidden' }
  | { kind: 'throttled'; retryAfterSeconds: number }
  | { kind: 'unavailable'; retryAfterSeconds: number }
  /** `id`: of the command that this is about, where it was accepted all the same. */
  | { kind: 'refused'; message: string; id?: string | undefined };

export type Answer<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Without a leading slash: relative to wherever the API is mounted. */
  path: string;
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** How much longer than usual the API may take. */
  waitMs?: number;
}

const refusalSchema = object({ error: optional(string()), message: optional(string()), id: optional(string()) });

const TIMEOUT_MS = 10_000;
const DEFAULT_RETRY_SECONDS = 3;

/** The page lives at `<mount>/` and at `<mount>/web/send-command`: a stage name in front changes nothing. */
const mount = location.pathname.replace(/(web\/send-command\/?)?$/, '');

/** The whole address of a path of the API. */
export function urlOf(path: string): string {
  return new URL(`${mount}${path}`, location.href).href;
}

/** Calls the API. Never throws: whatever happens is an answer or a failure. */
export async function request<T>(schema: ZodMiniType<T>, call: Call): Promise<Answer<T>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS + (call.waitMs ?? 0));
  const headers: Record<string, string> = { 'accept-language': language.value, ...call.headers };
  if (call.token !== undefined) headers.authorization = `Bearer ${call.token}`;
  if (call.body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${mount}${call.path}`, {
      method: call.method,
      headers,
      cache: 'no-store',
      credentials: 'omit',
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    text = await response.text();
  } catch {
    return { ok: false, failure: { kind: 'network' } };
  }
  const answer = jsonOf(text);
  if (!response.ok) return { ok: false, failure: failureOf(response, answer) };
  const parsed = schema.safeParse(answer);
  if (parsed.success) return { ok: true, value: parsed.data };
  // Something between us and the API answered 200 in its place, such as a captive portal.
  return { ok: false, failure: { kind: 'network' } };
}

/** Undefined for what is no JSON, such as the page of a proxy. */
function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function failureOf(response: Response, answer: unknown): Failure {
  const retryAfterSeconds = retryAfter(response.headers.get('retry-after'));
  const { error, message = '', id } = refusalSchema.safeParse(answer).data ?? {};
  // Only the API's own word ends a session: a firewall in front of it refuses without one.
  if (response.status === 401 && error !== undefined) return { kind: 'unauthorized' };
  if (response.status === 403 && error !== undefined) return { kind: 'forbidden' };
  if (response.status === 429) return { kind: 'throttled', retryAfterSeconds };
  if (response.status >= 500) return { kind: 'unavailable', retryAfterSeconds };
  return { kind: 'refused', message: message || `HTTP ${response.status}`, id };
}

function retryAfter(header: string | null): number {
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : DEFAULT_RETRY_SECONDS;
}
