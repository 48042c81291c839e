import { z } from 'zod';
import { hashTag } from '../contract/keys.ts';
import { DEFAULT_LIMITS } from '../contract/limits.ts';

const whole = (fallback: number, min = 0, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(fallback);
const port = (fallback: number) => whole(fallback, 0, 65_535);
const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1')
  .default(false);

/** Longest delay that timers take. */
const MAX_MS = 2_147_483_647;

const schema = z
  .object({
    REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' }),
    REDIS_USERNAME: z.string().optional(),
    REDIS_PASSWORD: z.string().optional(),
    REDIS_CLUSTER: flag,
    REDIS_KEY_PREFIX: z.string().default(''),
    GATEWAY_HOST: z.string().default('0.0.0.0'),
    GATEWAY_PORT: port(8124),
    /** Several gateways on one machine accept from the same port. */
    GATEWAY_REUSE_PORT: flag,
    HEALTH_HOST: z.string().optional(),
    HEALTH_PORT: port(8125),
    HEARTBEAT_TIMEOUT_MS: whole(90_000, 1, MAX_MS),
    AUTH_TIMEOUT_MS: whole(30_000, 1, MAX_MS),
    MAX_FRAME_BYTES: whole(65_536, 64, 64 * 1024 * 1024),
    MAX_RECIPIENTS: whole(DEFAULT_LIMITS.maxRecipients, 1, 100_000),
    MAX_BAD_FRAMES: whole(10),
    MAX_VERIFY_ATTEMPTS: whole(5, 1),
    MAX_MESSAGES_PER_S: whole(1_000),
    MAX_UNVERIFIED_PER_ADDRESS: whole(1_000),
    MAX_CONNECTIONS_PER_ADDRESS: whole(0),
    /** 0: as many as the process may open files, less a reserve. */
    MAX_CONNECTIONS: whole(0),
    /** Verifies that are in Redis at a time; the others wait their turn. */
    MAX_VERIFIES_IN_FLIGHT: whole(512, 1),
    OFFLINE_TTL_S: whole(DEFAULT_LIMITS.offlineTtlSeconds),
    MAILBOX_MAX: whole(DEFAULT_LIMITS.mailboxMax, 1),
    /** An existing producer's lists may be longer than a client's. */
    MAX_QUEUE_RECIPIENTS: whole(10_000, 1),
    MAX_QUEUE_ENTRY_BYTES: whole(1_048_576, 64),
    /** Over it a session is served from its mailbox until it has caught up. */
    OUTBOX_MAX_BYTES: whole(1_048_576, 1_024),
    /** Without any progress for that long, a session that has something to read loses its connection. */
    SLOW_READER_TIMEOUT_MS: whole(15_000, 1, MAX_MS),
    DRAIN_TIMEOUT_MS: whole(110_000, 0, MAX_MS),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    LOG_FORMAT: z.enum(['json', 'pretty']).default('json'),
  })
  .superRefine((env, context) => {
    if (env.REDIS_CLUSTER && hashTag(env.REDIS_KEY_PREFIX) === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['REDIS_KEY_PREFIX'],
        message: 'must be a hash tag, such as {fronttcp}:, when REDIS_CLUSTER is set',
      });
    }
  });

export type GatewayConfig = ReturnType<typeof parseConfig>;

/** Every mistake at once, each named after its variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Reads the environment (CONTRACT.md section 5). An empty variable counts as one that is not set. Throws ConfigError. */
export function parseConfig(env: NodeJS.ProcessEnv) {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(set);
  if (!result.success) {
    const lines = result.error.issues.map((issue) => {
      const name = issue.path.join('.');
      return `${name} ${set[name] === undefined && issue.code !== 'custom' ? 'is not set' : issue.message}`;
    });
    throw new ConfigError(lines.join('\n'));
  }
  const e = result.data;
  return {
    redis: {
      url: e.REDIS_URL,
      username: e.REDIS_USERNAME,
      password: e.REDIS_PASSWORD,
      cluster: e.REDIS_CLUSTER,
      keyPrefix: e.REDIS_KEY_PREFIX,
    },
    host: e.GATEWAY_HOST,
    port: e.GATEWAY_PORT,
    reusePort: e.GATEWAY_REUSE_PORT,
    healthHost: e.HEALTH_HOST ?? e.GATEWAY_HOST,
    healthPort: e.HEALTH_PORT,
    heartbeatTimeoutMs: e.HEARTBEAT_TIMEOUT_MS,
    authTimeoutMs: e.AUTH_TIMEOUT_MS,
    maxFrameBytes: e.MAX_FRAME_BYTES,
    maxRecipients: e.MAX_RECIPIENTS,
    maxBadFrames: e.MAX_BAD_FRAMES,
    maxVerifyAttempts: e.MAX_VERIFY_ATTEMPTS,
    maxMessagesPerSecond: e.MAX_MESSAGES_PER_S,
    maxUnverifiedPerAddress: e.MAX_UNVERIFIED_PER_ADDRESS,
    maxConnectionsPerAddress: e.MAX_CONNECTIONS_PER_ADDRESS,
    maxConnections: e.MAX_CONNECTIONS,
    maxVerifiesInFlight: e.MAX_VERIFIES_IN_FLIGHT,
    offlineTtlSeconds: e.OFFLINE_TTL_S,
    mailboxMax: e.MAILBOX_MAX,
    maxQueueRecipients: e.MAX_QUEUE_RECIPIENTS,
    maxQueueEntryBytes: e.MAX_QUEUE_ENTRY_BYTES,
    outboxMaxBytes: e.OUTBOX_MAX_BYTES,
    slowReaderTimeoutMs: e.SLOW_READER_TIMEOUT_MS,
    drainTimeoutMs: e.DRAIN_TIMEOUT_MS,
    logLevel: e.LOG_LEVEL,
    logFormat: e.LOG_FORMAT,
  };
}
