import { z } from 'zod';
import { hashTag } from '../../contract/store/keys.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';

const whole = (fallback: number, min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(fallback);

const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1')
  .default(false);

const logging = {
  /** Read by the parts that report, in functions/runtime/observe. */
  METRICS_DEPLOYMENT: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['json', 'pretty']).default('json'),
};

const schema = z
  .object({
    REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' }).optional(),
    REDIS_CLUSTER: flag,
    REDIS_KEY_PREFIX: z.string().default(''),
    /** Complete ARN of the secret with the store's credentials; read through the parameters-and-secrets extension. */
    REDIS_SECRET_ARN: z.string().startsWith('arn:', 'must be the ARN of a secret').optional(),
    UPSTASH_REDIS_REST_URL: z.url({ protocol: /^https?$/, error: 'must be an https:// URL' }).optional(),
    UPSTASH_REDIS_REST_TOKEN: z.string().optional(),
    OFFLINE_TTL_S: whole(DEFAULT_LIMITS.offlineTtlSeconds, 0, 3_153_600_000),
    MAILBOX_MAX: whole(DEFAULT_LIMITS.mailboxMax, 1),
    MAX_RECIPIENTS: whole(DEFAULT_LIMITS.maxRecipients, 1, 100_000),
    TOKEN_TTL_S: whole(DEFAULT_LIMITS.tokenTtlSeconds, 1, 3_153_600_000),
    /** Largest body of POST /send-command, bytes. API Gateway takes 10 MB, Lambda 6 MB with the event around it. */
    MAX_BODY_BYTES: whole(4_194_304, 1_024, 6_000_000),
    /** Passwords hashed at the same time, and how many may wait for their turn; over it: 503. */
    MAX_CONCURRENT_HASHES: whole(4, 1, 64),
    MAX_WAITING_HASHES: whole(512, 0, 100_000),
    /** Wrong passwords that one address may send in a burst, over all users; one more every second. 0: off. */
    MAX_LOGIN_FAILURES_PER_ADDRESS: whole(1_000, 0),
    /** Records of who sent what to whom that are kept, about. 0: off. */
    AUDIT_MAX: whole(10_000, 0, 10_000_000),
    ...logging,
  })
  .superRefine((env, context) => {
    const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message });
    const hasUrl = env.UPSTASH_REDIS_REST_URL !== undefined;
    const hasToken = env.UPSTASH_REDIS_REST_TOKEN !== undefined;
    if (hasUrl && !hasToken) refuse('UPSTASH_REDIS_REST_TOKEN', 'is missing beside UPSTASH_REDIS_REST_URL');
    if (hasToken && !hasUrl) refuse('UPSTASH_REDIS_REST_URL', 'is missing beside UPSTASH_REDIS_REST_TOKEN');
    if (!hasUrl && env.REDIS_URL === undefined && env.REDIS_SECRET_ARN === undefined) {
      refuse('REDIS_URL', 'is missing (or UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN)');
    }
    if (env.REDIS_CLUSTER && hashTag(env.REDIS_KEY_PREFIX) === undefined) {
      refuse('REDIS_KEY_PREFIX', 'must be a hash tag, such as {fronttcp}:, when REDIS_CLUSTER is set');
    }
  });

/** Every variable that the functions read. */
export const functionVariables: readonly string[] = Object.keys(schema.shape);

export type Environment = z.output<typeof schema>;
/** Every name that the functions read: the deployment may set no other. */
export type EnvironmentName = keyof Environment;

/** The environment is wrong: `message` names every mistake, one a line. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(`The environment is wrong:\n${mistakes.map((line) => `  ${line}`).join('\n')}`);
    this.mistakes = mistakes;
  }
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Reads the environment (CONTRACT.md section 5). An empty variable counts as one that is not set. */
export function readEnvironment(env: Variables): Environment {
  return read(schema, env);
}

/** What a function without Redis reads. */
export function readLogEnvironment(env: Variables): { level: string; format: 'json' | 'pretty' } {
  const { LOG_LEVEL, LOG_FORMAT } = read(z.object(logging), env);
  return { level: LOG_LEVEL, format: LOG_FORMAT };
}

function read<T>(from: z.ZodType<T>, env: Variables): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = from.safeParse(set);
  if (result.success) return result.data;
  throw new EnvironmentError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}
