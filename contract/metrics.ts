/**
 * The names under which a gateway reports itself to CloudWatch, one line of Embedded Metric Format a minute.
 * The CDK constructs scale and alarm on these very names; a name that only one side knows is a dead alarm.
 */
export const METRIC_NAMESPACE = 'FrontTcp';

/** The one dimension. Its value is the deployment's id: a dimension per task would cost a custom metric each. */
export const METRIC_DIMENSION = 'Deployment';

export const MetricName = {
  /** Gauge: open TCP connections of the task. */
  connections: 'Connections',
  /** Gauge: verified sessions of the task. */
  sessions: 'Sessions',
  /** Count: TCP connections accepted in the minute. */
  accepts: 'Accepts',
  /** Count: verifies that were answered with code 0. */
  authFailures: 'AuthFailures',
  /** Count: connections closed because the client fell silent. */
  heartbeatTimeouts: 'HeartbeatTimeouts',
  framesIn: 'FramesIn',
  framesOut: 'FramesOut',
  /** Count: messages whose bytes were handed to the kernel. */
  delivered: 'Delivered',
  /** Milliseconds from accepted (HTTP, queue or TCP) to written. */
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
} as const;

export type MetricName = (typeof MetricName)[keyof typeof MetricName];
