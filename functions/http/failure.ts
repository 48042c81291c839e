import { RedisReplyError, RedisUnavailableError } from '../../shared/redis/errors.ts';
import { HttpRefusal } from './refusal.ts';
import { sourceStack } from './source-stack.ts';

const UNAVAILABLE_RETRY_SECONDS = 1;

/** Members of the log line of a request that failed. */
export interface Cause {
  error: string;
  error_name: string;
  stack?: string;
}

/** The refusals of the store as refusals for a caller: shared/redis/errors.ts. */
export function refusalOf(error: unknown): HttpRefusal {
  if (error instanceof HttpRefusal) return error;
  if (error instanceof RedisUnavailableError) {
    return new HttpRefusal(503, error.reason, { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS });
  }
  const isTooLarge = error instanceof RedisReplyError && error.errorClass === 'too_large';
  return isTooLarge ? new HttpRefusal(413, 'too_large') : new HttpRefusal(500, 'internal');
}

/**
 * Undefined for a refusal of ours. Error messages of our own code and of Redis have no contents; the stack is logged only
 * for unexpected errors.
 */
export function causeOf(error: unknown): Cause | undefined {
  if (error instanceof HttpRefusal) return undefined;
  if (!(error instanceof Error)) return { error: '', error_name: typeof error };
  const isExpected = refusalOf(error).reason !== 'internal';
  return {
    error: error.message,
    error_name: error.name,
    ...(isExpected ? {} : { stack: sourceStack(error.stack ?? '') }),
  };
}
