/**
 * The environment of gateways and functions, by name: declared here once, read by their config schemas.
 * Names from docs/configuration.md have the meaning that they have there.
 */
export const Env = {
  /**
   * In a container: `rediss://host:port` without credentials beside `REDIS_USERNAME` and `REDIS_PASSWORD`, or,
   * with Upstash, the whole URL (then it is injected from the secret). In a function: `rediss://host:port`
   * without credentials; they come from the secret that `REDIS_SECRET_ARN` names.
   */
  redisUrl: 'REDIS_URL',
  redisCluster: 'REDIS_CLUSTER',
  redisKeyPrefix: 'REDIS_KEY_PREFIX',
  /** Container only, injected from the secret: take precedence over credentials inside `REDIS_URL`. */
  redisUsername: 'REDIS_USERNAME',
  redisPassword: 'REDIS_PASSWORD',
  redisPasswordFile: 'REDIS_PASSWORD_FILE',
  /** Function only: the complete ARN of the secret, read through the parameters-and-secrets extension. */
  redisSecretArn: 'REDIS_SECRET_ARN',

  /** Function only: the header in which CloudFront puts the viewer's address. */
  viewerAddressHeader: 'VIEWER_ADDRESS_HEADER',
  /** Of the check of the origin: the complete ARN of the secret that CloudFront adds to each request. */
  originSecretArn: 'ORIGIN_SECRET_ARN',

  gatewayPort: 'GATEWAY_PORT',
  healthPort: 'HEALTH_PORT',
  heartbeatTimeoutMs: 'HEARTBEAT_TIMEOUT_MS',
  authTimeoutMs: 'AUTH_TIMEOUT_MS',
  drainTimeoutMs: 'DRAIN_TIMEOUT_MS',
  /** The load balancer sends new connections for minutes after the target was deregistered. */
  drainAcceptMs: 'DRAIN_ACCEPT_MS',
  /** `off` (default) or `v2`: then a connection must begin with a PROXY protocol v2 header. */
  proxyProtocol: 'PROXY_PROTOCOL',
  /** The complete ARN of a secret with {@link TlsSecret}: the gateway ends TLS itself and reads it again now and then. */
  tlsSecretArn: 'TLS_SECRET_ARN',
  /** `true`: clients show a certificate of the authority in the field `clientCa` of that secret. */
  tlsClientCertificates: 'TLS_CLIENT_CERTIFICATES',
  /** Set: one line of Embedded Metric Format a minute goes to standard output, with this as its dimension. */
  metricsDeployment: 'METRICS_DEPLOYMENT',
  /** `true`: the task protects itself from scale-in and deployments while it holds connections. */
  taskProtection: 'TASK_PROTECTION',
  /** Above this multiple of the mean of all gateways, one asks clients to reconnect, after a scale-out. 0, the default: off. */
  shedAbove: 'SHED_ABOVE',
  /** The customer's upstream function: an alias's ARN. Unset: nothing goes upstream. */
  upstreamFunction: 'UPSTREAM_FUNCTION',
  upstreamEvents: 'UPSTREAM_EVENTS',
  upstreamRequests: 'UPSTREAM_REQUESTS',
  upstreamLifecycleFunction: 'UPSTREAM_LIFECYCLE_FUNCTION',
  logLevel: 'LOG_LEVEL',
  logFormat: 'LOG_FORMAT',
} as const;

/** Fields of the secret behind `REDIS_SECRET_ARN` when the store is in the VPC. */
export interface StoreCredentials {
  readonly username: string;
  readonly password: string;
}

/** Fields of the secret behind `REDIS_SECRET_ARN` when the store is Upstash. */
export interface UpstashCredentials {
  /** For the functions: `https://….upstash.io`. */
  readonly restUrl: string;
  readonly restToken: string;
  /** For the gateway: `rediss://default:…@….upstash.io:6379`. */
  readonly redisUrl: string;
}

/** Names of {@link UpstashCredentials} and {@link StoreCredentials} as the templates use them. */
export const SecretField = {
  username: 'username',
  password: 'password',
  redisUrl: 'redisUrl',
} as const satisfies Record<string, keyof StoreCredentials | keyof UpstashCredentials>;
