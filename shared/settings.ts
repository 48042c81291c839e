import { z } from 'zod';
import { parseRedisUrl, RedisUrlError } from './redis/target.ts';

/** Maximum delay of timers. */
export const MAX_TIMER_MS = 2_147_483_647;

export type Variables = Readonly<Record<string, string | undefined>>;

const text = z.string();

/** A whole number, as text. One step: a schema for each rule would cost every start of a function some milliseconds. */
export const whole = (fallback: number, min = 0, max = Number.MAX_SAFE_INTEGER) =>
  text
    .transform((digits, context) => {
      const value = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
      if (value >= min && value <= max) return value;
      const message = Number.isNaN(value)
        ? 'must be a whole number'
        : value < min
          ? `must be at least ${min}`
          : `must be at most ${max}`;
      // `continue`: the checks across settings report their mistakes beside it.
      context.addIssue({ code: 'custom', message, continue: true });
      return z.NEVER;
    })
    .default(fallback);

export const port = (fallback: number) => whole(fallback, 0, 65_535);

export const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1')
  .default(false);

export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });

export const secretArn = z.string().startsWith('arn:', 'must be the ARN of a secret');

/** REDIS_URL; shared/redis/target.ts defines its form. */
export const redisUrl = z.string().superRefine((url, context) => {
  try {
    parseRedisUrl(url);
  } catch (error) {
    if (!(error instanceof RedisUrlError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

export const logging = {
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['json', 'pretty']).default('json'),
};

/** Names one variable that contradicts another. */
export type Refuse = (name: string, message: string) => void;

/** For `superRefine`: the checks that need several variables. */
export function crossChecks<T>(check: (env: T, refuse: Refuse) => void) {
  return (env: T, context: z.core.$RefinementCtx<T>): void =>
    check(env, (name, message) => context.addIssue({ code: 'custom', path: [name], message }));
}

/** The requirements of a cluster on two other settings. */
export function checkCluster(
  env: { REDIS_URL?: string | undefined; REDIS_CLUSTER: boolean; REDIS_KEY_PREFIX: string },
  hashTag: (prefix: string) => string | undefined,
  refuse: Refuse,
): void {
  if (!env.REDIS_CLUSTER) return;
  if (hashTag(env.REDIS_KEY_PREFIX) === undefined) {
    refuse('REDIS_KEY_PREFIX', 'must be a hash tag, such as {fronttcp}:, when REDIS_CLUSTER is set');
  }
  if (databaseOf(env.REDIS_URL) > 0) refuse('REDIS_URL', 'has a database, and a cluster has only 0');
}

/** 0 for a URL that is refused for another reason. */
function databaseOf(url: string | undefined): number {
  try {
    return url === undefined ? 0 : parseRedisUrl(url).db;
  } catch {
    return 0;
  }
}

/** The environment is wrong: `mistakes` has one line for each, which begins with the name of its variable. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`The environment is wrong:\n${mistakes.map((line) => `  ${line}`).join('\n')}`);
    this.mistakes = mistakes;
  }
}

/** Reads the variables of a schema. An empty variable counts as not set. Throws EnvironmentError with every mistake. */
export function readSettings<T>(schema: z.ZodType<T>, env: Variables): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  throw new EnvironmentError(
    result.error.issues.map((issue) => {
      const name = issue.path.join('.');
      const isMissing = set[name] === undefined && issue.code !== 'custom';
      return `${name} ${isMissing ? 'is not set' : issue.message}`;
    }),
  );
}
