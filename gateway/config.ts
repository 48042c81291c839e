import { z } from 'zod';
import { hashTag } from '../contract/store/keys.ts';
import { DEFAULT_LEASE_MS, DEFAULT_LIMITS } from '../shared/limits.ts';
import {
  checkCluster,
  crossChecks,
  flag,
  httpUrl,
  logging,
  MAX_TIMER_MS as MAX_MS,
  port,
  readSettings,
  redisUrl,
  secretArn,
  type Variables,
  whole,
} from '../shared/settings.ts';
import { checkUpstream, upstreamSettings, upstreamVariables } from './upstream/settings.ts';

const schema = z
  .object({
    REDIS_URL: redisUrl,
    REDIS_USERNAME: z.string().optional(),
    REDIS_PASSWORD: z.string().optional(),
    /** Instead of REDIS_PASSWORD; both are read again when the store refuses the password at hand. */
    REDIS_SECRET_ARN: secretArn.optional(),
    REDIS_PASSWORD_FILE: z.string().optional(),
    REDIS_CLUSTER: flag,
    REDIS_KEY_PREFIX: z.string().default(''),
    GATEWAY_HOST: z.string().default('0.0.0.0'),
    GATEWAY_PORT: port(8124),
    /** Several gateways on one machine accept from the same port. */
    GATEWAY_REUSE_PORT: flag,
    /** How sockets are read and written; `auto`: the addon, where it was built (gateway/net). */
    NET: z.enum(['auto', 'node', 'native'], { error: 'must be auto, node or native' }).default('auto'),
    HEALTH_HOST: z.string().optional(),
    HEALTH_PORT: port(8125),
    HEARTBEAT_TIMEOUT_MS: whole(90_000, 1, MAX_MS),
    AUTH_TIMEOUT_MS: whole(30_000, 1, MAX_MS),
    MAX_FRAME_BYTES: whole(65_536, 64, 64 * 1024 * 1024),
    MAX_RECIPIENTS: whole(DEFAULT_LIMITS.maxRecipients, 1, 100_000),
    MAX_BAD_FRAMES: whole(10),
    MAX_VERIFY_ATTEMPTS: whole(5, 1),
    /** Wrong tokens for one user from one address that are free; over it an attempt waits, up to 5 s. 0: off. */
    MAX_VERIFY_FAILURES_PER_USER: whole(20, 0, 1_000_000),
    /** Likewise for one address over all users. 0: off. */
    MAX_VERIFY_FAILURES_PER_ADDRESS: whole(1_000, 0, 1_000_000),
    /** Verifies of one user that succeed at once, and one more a second; over it an attempt waits. 0: off. */
    MAX_VERIFIES_PER_USER: whole(100, 0, 1_000_000),
    MAX_MESSAGES_PER_S: whole(1_000),
    /** Connections taken from the port in a second, with bursts of twice that; over it they are turned away. 0: off. */
    MAX_ACCEPTS_PER_S: whole(20_000),
    /** A frame that has begun must be there in this time. */
    FRAME_TIMEOUT_MS: whole(30_000, 1, MAX_MS),
    MAX_UNVERIFIED_PER_ADDRESS: whole(1_000),
    /** Bytes of all connections together that have yet to verify; over it the one that sends them is closed. */
    MAX_UNVERIFIED_BYTES: whole(67_108_864, 8_192),
    MAX_CONNECTIONS_PER_ADDRESS: whole(0),
    /** 0: as many as the process may open files, less a reserve. */
    MAX_CONNECTIONS: whole(0),
    /** Verifies that are in Redis at a time; the others wait their turn. */
    MAX_VERIFIES_IN_FLIGHT: whole(256, 1),
    OFFLINE_TTL_S: whole(DEFAULT_LIMITS.offlineTtlSeconds),
    MAILBOX_MAX: whole(DEFAULT_LIMITS.mailboxMax, 1),
    MAILBOX_MAX_BYTES: whole(DEFAULT_LIMITS.mailboxMaxBytes, 1),
    /** Messages of clients on their way to Redis, all together; above it senders are not read. */
    ROUTE_QUEUE_MAX_BYTES: whole(33_554_432, 1_024),
    /** Of one session: 1 for each recipient and for every 200 bytes that are routed through Redis. 0: off. */
    MAX_ROUTED_WORK_PER_S: whole(50_000),
    /** An existing producer's lists may be longer than a client's. */
    MAX_QUEUE_RECIPIENTS: whole(10_000, 1),
    MAX_QUEUE_ENTRY_BYTES: whole(1_048_576, 64),
    /** Over it a session is served from its mailbox until it has caught up. */
    OUTBOX_MAX_BYTES: whole(1_048_576, 1_024),
    /** The same for all sessions together, counting those whose readers have stopped. */
    OUTBOX_TOTAL_MAX_BYTES: whole(268_435_456, 1_024),
    /** Without any progress for that long, a session that has something to read loses its connection. */
    SLOW_READER_TIMEOUT_MS: whole(15_000, 1, MAX_MS),
    /** `v2`: every connection begins with a PROXY protocol header, and is refused without. */
    PROXY_PROTOCOL: z.enum(['off', 'v2'], { error: 'must be off or v2' }).default('off'),
    /** Set: the gateway speaks TLS. Files, or a secret with `certificate` and `privateKey`. */
    TLS_CERT_FILE: z.string().optional(),
    TLS_KEY_FILE: z.string().optional(),
    TLS_SECRET_ARN: secretArn.optional(),
    /** Clients show a certificate of this authority, or are refused; its common name is the only user they may verify as. */
    TLS_CLIENT_CA_FILE: z.string().optional(),
    /** With TLS_SECRET_ARN: the same, with the authority in the secret's field `clientCa`. */
    TLS_CLIENT_CERTIFICATES: flag,
    /** How often certificate files, or the secret, are looked at for a renewal. */
    TLS_RENEWAL_CHECK_MS: whole(60_000, 10, MAX_MS),
    DRAIN_TIMEOUT_MS: whole(110_000, 0, MAX_MS),
    /** How long new connections are accepted after the signal, within the drain, even when all clients have left. */
    DRAIN_ACCEPT_MS: whole(0, 0, MAX_MS),
    /** How long a gateway may be silent before others take it for dead. The same for all gateways of a deployment. */
    LEASE_MS: whole(DEFAULT_LEASE_MS, 1_000, 600_000),
    /** Set: reported to CloudWatch by a line of Embedded Metric Format a minute, with this as its dimension. */
    METRICS_DEPLOYMENT: z.string().optional(),
    /** The ECS task protects itself while it holds connections, through the agent whose address ECS sets. */
    TASK_PROTECTION: flag,
    ECS_AGENT_URI: z.url({ protocol: /^http$/, error: 'must be an http:// URL' }).optional(),
    /** Above this multiple of the mean of all gateways, clients that know a goodbye are asked to reconnect. 0: off. */
    SHED_ABOVE: z.coerce
      .number('must be a number')
      .refine((above) => above === 0 || above >= 1.1, 'must be 0 or at least 1.1')
      .default(0),
    /** Set: traces of messages go there as OTLP/HTTP JSON. */
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
    /** `/debug/…` on the health port. */
    DEBUG_ENDPOINTS: flag,
    ...upstreamVariables,
    ...logging,
  })
  .superRefine(
    crossChecks((env, refuse) => {
      const hasFiles = env.TLS_CERT_FILE !== undefined && env.TLS_KEY_FILE !== undefined;
      if (env.TLS_CERT_FILE !== undefined && !env.TLS_KEY_FILE)
        refuse('TLS_KEY_FILE', 'is missing beside TLS_CERT_FILE');
      if (env.TLS_KEY_FILE !== undefined && !env.TLS_CERT_FILE)
        refuse('TLS_CERT_FILE', 'is missing beside TLS_KEY_FILE');
      if (hasFiles && env.TLS_SECRET_ARN) refuse('TLS_SECRET_ARN', 'and TLS_CERT_FILE cannot both be set');
      if (env.TLS_CLIENT_CA_FILE && !hasFiles) refuse('TLS_CLIENT_CA_FILE', 'needs TLS_CERT_FILE and TLS_KEY_FILE');
      if (env.TLS_CLIENT_CERTIFICATES && !env.TLS_SECRET_ARN) {
        refuse('TLS_CLIENT_CERTIFICATES', 'needs TLS_SECRET_ARN; beside certificate files set TLS_CLIENT_CA_FILE');
      }
      if (env.PROXY_PROTOCOL === 'v2' && (hasFiles || env.TLS_SECRET_ARN)) {
        refuse('PROXY_PROTOCOL', 'v2 cannot be had with TLS in the gateway: end TLS at the load balancer');
      }
      if (env.TASK_PROTECTION && env.ECS_AGENT_URI === undefined)
        refuse('ECS_AGENT_URI', 'is missing beside TASK_PROTECTION');
      checkUpstream(env, refuse);
      if (env.REDIS_SECRET_ARN && env.REDIS_PASSWORD_FILE)
        refuse('REDIS_PASSWORD_FILE', 'and REDIS_SECRET_ARN cannot both be set');
      for (const name of ['REDIS_SECRET_ARN', 'REDIS_PASSWORD_FILE'] as const) {
        if (env[name] && env.REDIS_PASSWORD) refuse('REDIS_PASSWORD', `and ${name} cannot both be set`);
      }
      checkCluster(env, hashTag, refuse);
    }),
  );

/** Every variable that a gateway reads. */
export const gatewayVariables: readonly string[] = Object.keys(schema.shape);

export type GatewayConfig = ReturnType<typeof parseConfig>;

/** Reads the environment (docs/configuration.md). Throws EnvironmentError. */
export function parseConfig(env: Variables) {
  const e = readSettings(schema, env);
  return {
    redis: {
      url: e.REDIS_URL,
      username: e.REDIS_USERNAME,
      password: e.REDIS_PASSWORD,
      secretArn: e.REDIS_SECRET_ARN,
      passwordFile: e.REDIS_PASSWORD_FILE,
      cluster: e.REDIS_CLUSTER,
      keyPrefix: e.REDIS_KEY_PREFIX,
    },
    host: e.GATEWAY_HOST,
    port: e.GATEWAY_PORT,
    reusePort: e.GATEWAY_REUSE_PORT,
    net: e.NET,
    healthHost: e.HEALTH_HOST ?? e.GATEWAY_HOST,
    healthPort: e.HEALTH_PORT,
    heartbeatTimeoutMs: e.HEARTBEAT_TIMEOUT_MS,
    authTimeoutMs: e.AUTH_TIMEOUT_MS,
    maxFrameBytes: e.MAX_FRAME_BYTES,
    maxRecipients: e.MAX_RECIPIENTS,
    maxBadFrames: e.MAX_BAD_FRAMES,
    maxVerifyAttempts: e.MAX_VERIFY_ATTEMPTS,
    maxVerifyFailuresPerUser: e.MAX_VERIFY_FAILURES_PER_USER,
    maxVerifyFailuresPerAddress: e.MAX_VERIFY_FAILURES_PER_ADDRESS,
    maxAcceptsPerSecond: e.MAX_ACCEPTS_PER_S,
    frameTimeoutMs: e.FRAME_TIMEOUT_MS,
    maxMessagesPerSecond: e.MAX_MESSAGES_PER_S,
    maxUnverifiedPerAddress: e.MAX_UNVERIFIED_PER_ADDRESS,
    maxVerifiesPerUser: e.MAX_VERIFIES_PER_USER,
    maxUnverifiedBytes: e.MAX_UNVERIFIED_BYTES,
    maxConnectionsPerAddress: e.MAX_CONNECTIONS_PER_ADDRESS,
    maxConnections: e.MAX_CONNECTIONS,
    maxVerifiesInFlight: e.MAX_VERIFIES_IN_FLIGHT,
    offlineTtlSeconds: e.OFFLINE_TTL_S,
    mailboxMax: e.MAILBOX_MAX,
    mailboxMaxBytes: e.MAILBOX_MAX_BYTES,
    routeQueueMaxBytes: e.ROUTE_QUEUE_MAX_BYTES,
    maxRoutedWorkPerSecond: e.MAX_ROUTED_WORK_PER_S,
    maxQueueRecipients: e.MAX_QUEUE_RECIPIENTS,
    maxQueueEntryBytes: e.MAX_QUEUE_ENTRY_BYTES,
    outboxMaxBytes: e.OUTBOX_MAX_BYTES,
    outboxTotalMaxBytes: e.OUTBOX_TOTAL_MAX_BYTES,
    slowReaderTimeoutMs: e.SLOW_READER_TIMEOUT_MS,
    proxyProtocol: e.PROXY_PROTOCOL === 'v2',
    tls: tlsOf(e),
    drainTimeoutMs: e.DRAIN_TIMEOUT_MS,
    drainAcceptMs: e.DRAIN_ACCEPT_MS,
    leaseMs: e.LEASE_MS,
    upstream: upstreamSettings(e),
    metricsDeployment: e.METRICS_DEPLOYMENT,
    taskProtectionAgent: e.TASK_PROTECTION ? e.ECS_AGENT_URI : undefined,
    shedAbove: e.SHED_ABOVE,
    otlpEndpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT,
    debugEndpoints: e.DEBUG_ENDPOINTS,
    logLevel: e.LOG_LEVEL,
    logFormat: e.LOG_FORMAT,
  };
}

interface TlsVariables {
  TLS_RENEWAL_CHECK_MS: number;
  TLS_CERT_FILE?: string | undefined;
  TLS_KEY_FILE?: string | undefined;
  TLS_SECRET_ARN?: string | undefined;
  TLS_CLIENT_CA_FILE?: string | undefined;
  TLS_CLIENT_CERTIFICATES: boolean;
}

function tlsOf(env: TlsVariables) {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, TLS_SECRET_ARN: secretArn } = env;
  const renewalCheckMs = env.TLS_RENEWAL_CHECK_MS;
  if (secretArn !== undefined) return { secretArn, clientCertificates: env.TLS_CLIENT_CERTIFICATES, renewalCheckMs };
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { certFile, keyFile, clientCaFile: env.TLS_CLIENT_CA_FILE, renewalCheckMs };
}
