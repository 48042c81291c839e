/**
 * The names under which gateways and functions report themselves to CloudWatch, in Embedded Metric Format. The CDK
 * constructs scale and alarm on the same names: an alarm on a name that nobody reports never fires.
 */
export const METRIC_NAMESPACE = 'FrontTcp';

/** The one dimension. Its value is the deployment's id: a dimension per task would cost a custom metric each. */
export const METRIC_DIMENSION = 'Deployment';

/** One line a minute of each gateway. */
export const MetricName = {
  /** Gauge: open TCP connections of the task. */
  connections: 'Connections',
  /** Gauge: verified sessions of the task. */
  sessions: 'Sessions',
  /** Count: TCP connections accepted in the minute. */
  accepts: 'Accepts',
  /** Count: verifies that were answered with code 0. */
  authFailures: 'AuthFailures',
  /** Count: connections closed because the client was silent for too long. */
  heartbeatTimeouts: 'HeartbeatTimeouts',
  framesIn: 'FramesIn',
  framesOut: 'FramesOut',
  /** Count: messages whose bytes were handed to the kernel. */
  delivered: 'Delivered',
  /** Milliseconds from accepted (HTTP, queue or TCP) to written: up to 100 values that stand for the minute's messages. */
  deliveryLatency: 'DeliveryLatencyMs',
  /** Gauge, seconds: age of the oldest entry of the inbox that is not done. */
  oldestUndelivered: 'OldestUndeliveredSeconds',
  /** Count: sessions closed because they read too slowly. */
  slowReaders: 'SlowReaders',
  /** Count: queue entries that went to the dead-letter list. */
  deadLetters: 'DeadLetters',
  /** Count: Redis commands that failed or timed out. */
  redisErrors: 'RedisErrors',
  /** Count: lease renewals that came too late. */
  leaseLosses: 'LeaseLosses',
  /** Milliseconds: 99th percentile of the event loop's delay in the minute. */
  eventLoopDelay: 'EventLoopP99Ms',
  /** Gauge: entries that wait in the public queue. For the whole deployment: every task reports the same. */
  queueWaiting: 'QueueWaiting',
  /** Count: messages that were dropped from mailboxes. For the whole deployment: every task reports the same. */
  messagesLost: 'MessagesLost',
  /** Count: sessions that began, for the fifth time in a row and more, with the same message. For the whole deployment: every task reports the same. */
  messagesRepeated: 'MessagesRepeated',
  /** Count: calls of the route script that failed. */
  routeFailures: 'RouteFailures',
  /** Count: records of the inbox that the gateway's version does not know. */
  inboxUnread: 'InboxUnread',
  /** Count: invocations of the upstream function that failed or were refused; left out where there is no function. */
  upstreamFailures: 'UpstreamFailures',
  /** Count: the failed invocations that Lambda throttled. */
  upstreamThrottles: 'UpstreamThrottles',
} as const;

export type MetricName = (typeof MetricName)[keyof typeof MetricName];

/** At most one line a minute from each sandbox of a function, with the sums since the previous line. */
export const ApiMetricName = {
  /** Count: HTTP requests. */
  requests: 'ApiRequests',
  /** Count: requests answered with 4xx. */
  refusals: 'ApiRefusals',
  /** Count: requests answered with 503 because the store was unreachable. */
  unavailable: 'ApiStoreUnavailable',
  /** Count: messages that send-command handed to the store. */
  commands: 'ApiCommands',
} as const;

export type ApiMetricName = (typeof ApiMetricName)[keyof typeof ApiMetricName];

/**
 * Reported by a function at once when a request ends with 5xx, and never otherwise: errors are responses, so Lambda's own
 * `Errors` does not count them. The dimensions name the version, so that a canary sees the errors of the new version.
 */
export const FunctionMetricName = {
  /** Count: requests that ended with 500. */
  failures: 'FunctionFailures',
  /** Count: requests that ended with 503. */
  unavailable: 'FunctionUnavailable',
} as const;

export type FunctionMetricName = (typeof FunctionMetricName)[keyof typeof FunctionMetricName];

/** The dimensions of {@link FunctionMetricName}: the function's name and the number of its version. */
export const FUNCTION_DIMENSION = 'FunctionName';
export const VERSION_DIMENSION = 'ExecutedVersion';

export interface MetricValue {
  readonly unit: 'Count' | 'Milliseconds' | 'Seconds';
  /** An array: at most 100 values of the period. */
  readonly value: number | readonly number[];
}

/** Lambda's and CloudWatch Logs' agents take 100 values of a metric in one line. */
export const EMF_MAX_VALUES = 100;

/** One line of Embedded Metric Format for the whole deployment, without its newline. A metric without a value is left out. */
export function emfLine(deployment: string, atMs: number, metrics: Readonly<Record<string, MetricValue>>): string {
  return emfLineOf({ [METRIC_DIMENSION]: deployment }, atMs, metrics);
}

/** The same, with the given dimensions. */
export function emfLineOf(
  dimensions: Readonly<Record<string, string>>,
  atMs: number,
  metrics: Readonly<Record<string, MetricValue>>,
): string {
  const known = Object.entries(metrics).filter(([, { value }]) => typeof value === 'number' || value.length > 0);
  const definitions = known.map(([Name, { unit: Unit }]) => ({ Name, Unit }));
  return JSON.stringify({
    _aws: {
      Timestamp: Math.round(atMs),
      CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: definitions }],
    },
    ...dimensions,
    ...Object.fromEntries(known.map(([name, { value }]) => [name, value])),
  });
}
