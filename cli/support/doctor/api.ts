import { z } from 'zod';
import { statsAnswer } from '../../../functions/stats/schema.ts';
import { Api } from '../api.ts';
import { type Context, loginOf } from '../context.ts';
import type { StoredLogin } from '../credentials.ts';
import { ExitCode, Failure } from '../failure.ts';
import { isLoopback } from '../local-system.ts';
import { certificateCheck } from './certificate.ts';
import { type Area, type Check, clockCheck, fail, ok, warn } from './check.ts';

const TIMEOUT_MS = 5_000;
/** The Date header has whole seconds. */
const DATE_UNCERTAIN_MS = 1_000;
const DAY_S = 86_400;

const document = z.object({ info: z.object({ title: z.literal('fronttcp'), version: z.string() }) });

export async function apiArea(context: Context): Promise<Area> {
  const { apiUrl } = context;
  const checks = await reachChecks(apiUrl);
  if (checks.every(({ state }) => state !== 'fail'))
    checks.push(await wayCheck(new URL(apiUrl)), ...(await loginChecks(context)));
  return { title: `HTTP API at ${apiUrl}`, checks };
}

async function reachChecks(apiUrl: string): Promise<Check[]> {
  try {
    const response = await fetch(`${apiUrl}/openapi.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const parsed = document.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) {
      return [
        fail('reachable', `status ${response.status}, not a fronttcp API`, 'Name another with --api or FRONTTCP_API.'),
      ];
    }
    const date = Date.parse(response.headers.get('date') ?? '');
    // In the middle of the second that it names.
    const aheadMs = date + DATE_UNCERTAIN_MS / 2 - Date.now();
    const clock = Number.isNaN(date) ? [] : [clockCheck('clock', aheadMs, DATE_UNCERTAIN_MS)];
    return [ok('reachable', `yes, version ${parsed.data.info.version}`), ...clock];
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
    return [
      fail(
        'reachable',
        `no: ${cause?.code ?? (cause?.message || message)}`,
        'Start it (fronttcp dev), or name another with --api.',
      ),
    ];
  }
}

async function wayCheck(url: URL): Promise<Check> {
  if (url.protocol === 'https:') return certificateCheck('TLS', url.hostname, Number(url.port || 443));
  if (isLoopback(url.hostname)) return ok('TLS', 'not needed on this machine');
  return fail('TLS', 'none: passwords and tokens can be read on the way', 'Use its https:// address.');
}

async function loginChecks(context: Context): Promise<Check[]> {
  const login = await loginOf(context).catch((error: unknown) => {
    if (error instanceof Failure) return undefined;
    throw error;
  });
  if (login === undefined) return [warn('login', 'none here', 'Log in: fronttcp login <user id>')];
  return [await tokenCheck(new Api(context.apiUrl, login.token), login)];
}

async function tokenCheck(api: Api, login: StoredLogin): Promise<Check> {
  const who = `as ${login.phone_number}`;
  const again = `Log in again: fronttcp login ${login.phone_number}`;
  const left = login.expires_at === undefined ? Number.POSITIVE_INFINITY : login.expires_at - Date.now() / 1_000;
  try {
    await api.call('GET', '/stats', statsAnswer);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const isKnown = error.exitCode === ExitCode.notAllowed && error.nextStep?.includes('operator');
    if (!isKnown) return fail('login', `${who}: ${error.message}`, again);
    return warn('login', `${who}, not an operator`, 'To send, log in as an operator.');
  }
  if (left < DAY_S) return warn('login', `${who}, expires within a day`, again);
  return ok('login', `${who}, an operator`);
}
