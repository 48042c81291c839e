/**
 * The meaning of the store's refusals, and the reaction of each side: one table for both drivers, gateway and functions.
 *
 * | class | gateway | function |
 * | --- | --- | --- |
 * | `passing`: the store cannot do this now | the command waits, and is sent again after a pause | 503 `store_unavailable` |
 * | `credentials`: the store does not know us, or not our rights | reads its credentials again, connects anew, the command waits | reads its secret again past the cache, connects anew, asks once more; 503 `store_credentials` |
 * | `full`: no room for anything new | the command waits; what only shrinks or renews is not refused (allow-full.lua) | 503 `store_full` |
 * | `too_large`: this command, in every state of the store | it alone fails | 413 `too_large` |
 * | `wrong_type`: somebody else has put another type under this key | it alone fails, logged | 500 `internal`, logged |
 * | `bug`: everything else, a mistake in our code | it alone fails, logged | 500 `internal`, logged |
 */
type ErrorClass = 'passing' | 'credentials' | 'full' | 'too_large' | 'wrong_type' | 'bug';

/**
 * Classified by the first word of a reply, which Redis calls its code. Upstash gives `ERR` to its own limits: there the
 * whole name under which its documentation lists the error is the code.
 */
const CLASSES: readonly (readonly [code: string, errorClass: ErrorClass])[] = [
  ['LOADING', 'passing'],
  ['BUSY', 'passing'],
  ['TRYAGAIN', 'passing'],
  ['CLUSTERDOWN', 'passing'],
  ['MASTERDOWN', 'passing'],
  ['READONLY', 'passing'],
  ['UNBLOCKED', 'passing'],
  ['MISCONF', 'passing'],
  ['NOREPLICAS', 'passing'],
  ['ERR max concurrent connections exceeded', 'passing'],
  ['ERR max commands per second exceeded', 'passing'],
  ['ERR max daily request limit exceeded', 'passing'],
  ['ERR max requests limit exceeded', 'passing'],
  ['ERR max number of clients reached', 'passing'],
  ['WRONGPASS', 'credentials'],
  ['NOAUTH', 'credentials'],
  ['NOPERM', 'credentials'],
  ['OOM', 'full'],
  ['ERR DB capacity quota exceeded', 'full'],
  ['ERR max request size exceeded', 'too_large'],
  ['ERR max single record size exceeded', 'too_large'],
  ['ERR max key size exceeded', 'too_large'],
  ['ERR max member size exceeded', 'too_large'],
  ['WRONGTYPE', 'wrong_type'],
];

/** For a refused command inside a script, Redis 6.2 puts the refusal after `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -`. */
const INSIDE_A_SCRIPT = /^ERR Error running script \(call to \w+\): (?:@\w+: ?\d+: )*-?/;

function hasCode(reply: string, code: string): boolean {
  const text = reply.replace(INSIDE_A_SCRIPT, '');
  return text.startsWith(code) && !/^\w/.test(text.slice(code.length));
}

/** The class of an error reply. */
export function classOfReply(reply: string): ErrorClass {
  return CLASSES.find(([code]) => hasCode(reply, code))?.[1] ?? 'bug';
}

/** Returns whether the server has become a replica: the address leads to the new primary, now or soon. */
export function isFromReplica(reply: string): boolean {
  return hasCode(reply, 'READONLY');
}

/** Returns whether the store no longer has a script: its full text must be sent. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && /^NOSCRIPT\b/.test(error.message);
}

/** The error word for a caller while the store cannot work for it: the words of docs/errors.md. */
export type UnavailableReason = 'store_unavailable' | 'store_credentials' | 'store_full';

interface UnavailableDetails extends ErrorOptions {
  readonly reason?: UnavailableReason;
  /** The store itself has refused: nothing was carried out. */
  readonly isRefusal?: boolean;
}

/** The store could not be reached, did not reply in time, or refuses for a reason unrelated to the command. */
export class RedisUnavailableError extends Error {
  override name = 'RedisUnavailableError';
  readonly reason: UnavailableReason;
  /** False: there was no reply, and the command may have been carried out. */
  readonly isRefusal: boolean;

  constructor(
    message: string,
    { reason = 'store_unavailable', isRefusal = false, ...options }: UnavailableDetails = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.isRefusal = isRefusal;
  }
}

/** The store has refused this command, and will refuse it again. */
export class RedisReplyError extends Error {
  override name = 'RedisReplyError';
  readonly errorClass: Exclude<ErrorClass, 'passing' | 'credentials' | 'full'>;

  constructor(message: string, errorClass: RedisReplyError['errorClass'], options?: ErrorOptions) {
    super(message, options);
    this.errorClass = errorClass;
  }
}

/** We have closed the connection: no call will succeed any more. */
export class RedisClosedError extends Error {
  override name = 'RedisClosedError';
}

/** Returns the error for this reply. */
export function errorOfReply(reply: string, options?: ErrorOptions): RedisUnavailableError | RedisReplyError {
  const errorClass = classOfReply(reply);
  switch (errorClass) {
    case 'passing':
      return new RedisUnavailableError(reply, { ...options, isRefusal: true });
    case 'credentials':
      return new RedisUnavailableError(reply, { ...options, isRefusal: true, reason: 'store_credentials' });
    case 'full':
      return new RedisUnavailableError(reply, { ...options, isRefusal: true, reason: 'store_full' });
    default:
      return new RedisReplyError(reply, errorClass, options);
  }
}
