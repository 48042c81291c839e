import { z } from 'zod';
import { hashTag } from '../../contract/store/keys.ts';
import { DEFAULT_MAX_FRAME_BYTES } from '../../contract/wire/frame.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import {
  checkCluster,
  crossChecks,
  flag,
  httpUrl,
  logging,
  readSettings,
  redisUrl,
  secretArn,
  type Variables,
  whole,
} from '../../shared/settings.ts';

/** Read by parts that the static functions have too: functions/http/request-metrics.ts, request-traces.ts and viewer-address.ts. */
const reporting = {
  /** Behind CloudFront or a proxy: the header, in lower case, in which it puts the client's address. */
  VIEWER_ADDRESS_HEADER: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'must be the name of a header in lower case')
    .optional(),
  METRICS_DEPLOYMENT: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
};

const schema = z
  .object({
    REDIS_URL: redisUrl.optional(),
    REDIS_CLUSTER: flag,
    REDIS_KEY_PREFIX: z.string().default(''),
    /** Complete ARN of the secret with the store's credentials; read through the parameters-and-secrets extension. */
    REDIS_SECRET_ARN: secretArn.optional(),
    UPSTASH_REDIS_REST_URL: httpUrl.optional(),
    UPSTASH_REDIS_REST_TOKEN: z.string().optional(),
    OFFLINE_TTL_S: whole(DEFAULT_LIMITS.offlineTtlSeconds, 0, 3_153_600_000),
    MAILBOX_MAX: whole(DEFAULT_LIMITS.mailboxMax, 1),
    MAILBOX_MAX_BYTES: whole(DEFAULT_LIMITS.mailboxMaxBytes, 1),
    MAX_RECIPIENTS: whole(DEFAULT_LIMITS.maxRecipients, 1, 100_000),
    /** The gateways' limit: a message that does not fit into a frame is refused. */
    MAX_FRAME_BYTES: whole(DEFAULT_MAX_FRAME_BYTES, 64, 64 * 1024 * 1024),
    TOKEN_TTL_S: whole(DEFAULT_LIMITS.tokenTtlSeconds, 1, 3_153_600_000),
    /** Largest body of POST /send-command, bytes. API Gateway takes 10 MB, Lambda 6 MB with the event around it. */
    MAX_BODY_BYTES: whole(4_194_304, 1_024, 6_000_000),
    /** Maximum of concurrent password hashes, and of waiting ones; above it: 503. */
    MAX_CONCURRENT_HASHES: whole(4, 1, 64),
    MAX_WAITING_HASHES: whole(512, 0, 100_000),
    /** Burst of wrong passwords per address, over all users; one more every second. 0: off. */
    MAX_LOGIN_FAILURES_PER_ADDRESS: whole(1_000, 0),
    /** Approximate number of audit records that are kept. 0: off. */
    AUDIT_MAX: whole(10_000, 0, 10_000_000),
    ...reporting,
    ...logging,
  })
  .superRefine(
    crossChecks((env, refuse) => {
      const hasUrl = env.UPSTASH_REDIS_REST_URL !== undefined;
      const hasToken = env.UPSTASH_REDIS_REST_TOKEN !== undefined;
      if (hasUrl && !hasToken) refuse('UPSTASH_REDIS_REST_TOKEN', 'is missing beside UPSTASH_REDIS_REST_URL');
      if (hasToken && !hasUrl) refuse('UPSTASH_REDIS_REST_URL', 'is missing beside UPSTASH_REDIS_REST_TOKEN');
      if (!hasUrl && env.REDIS_URL === undefined && env.REDIS_SECRET_ARN === undefined) {
        refuse('REDIS_URL', 'is missing (or UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN)');
      }
      checkCluster(env, hashTag, refuse);
    }),
  );

/** Every variable that the functions read. */
export const functionVariables: readonly string[] = Object.keys(schema.shape);

export type Environment = z.output<typeof schema>;

/** Reads the environment (docs/configuration.md). Throws EnvironmentError. */
export function readEnvironment(env: Variables): Environment {
  return readSettings(schema, env);
}
