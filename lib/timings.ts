/** All times that depend on one another, with their relations. Seconds throughout. */
export interface Timings {
  /**
   * From SIGTERM to SIGKILL. Fargate allows 2 to 120.
   * @default 120
   */
  readonly stopTimeoutSeconds: number;
  /**
   * The longest that a drain may take: goodbyes are paced over it.
   * @default 110
   */
  readonly drainTimeoutSeconds: number;
  /**
   * How long a target stays registered after ECS has begun to take it away. The nodes of a load balancer go on sending
   * new connections for two to five minutes, so a task must not be gone before; the gateway accepts clients until its
   * drain has ended.
   * @default 120
   */
  readonly deregistrationDelaySeconds: number;
  /**
   * A client that is silent for this long after its first heartbeat is disconnected.
   * @default 90
   */
  readonly heartbeatTimeoutSeconds: number;
  /**
   * A connection that is not verified by then is closed.
   * @default 30
   */
  readonly authTimeoutSeconds: number;
  /**
   * Seconds between two health checks of a target, and how many must fail.
   * @default 10 seconds, 5 failures
   */
  readonly healthCheckIntervalSeconds: number;
  readonly healthCheckFailures: number;
  /**
   * A function's own limit.
   * @default 10
   */
  readonly functionTimeoutSeconds: number;
}

export const defaultTimings: Timings = {
  stopTimeoutSeconds: 120,
  drainTimeoutSeconds: 110,
  deregistrationDelaySeconds: 120,
  heartbeatTimeoutSeconds: 90,
  authTimeoutSeconds: 30,
  healthCheckIntervalSeconds: 10,
  healthCheckFailures: 5,
  functionTimeoutSeconds: 10,
};

/** Fargate's own upper limit; nothing before the deployment itself would refuse a longer one. */
const MAX_STOP_TIMEOUT_SECONDS = 120;
/** A TLS listener has it fixed, and the hosts forget a silent TCP flow after as long. */
export const NLB_IDLE_TIMEOUT_SECONDS = 350;
/** Below it, the load balancer sends new connections to a task that is gone. */
const MIN_DEREGISTRATION_DELAY_SECONDS = 120;
/** A heartbeat that is on its way when its time is over must still find the connection. */
const IDLE_MARGIN_SECONDS = 50;
/** The time between the end of a long drain and SIGKILL: flush, release sessions, re-route the inbox, drop the lease. */
export const STOP_MARGIN_SECONDS = 5;
/** These steps keep this time in a short drain too, of which the goodbyes then get half (gateway/shutdown.ts). */
const STOP_STEPS_SECONDS = 24.5;
/** An HTTP API gives up on an integration after as long. */
export const API_TIMEOUT_SECONDS = 30;

/** The longest that a gateway takes to stop, in seconds: see gateway/shutdown.ts. */
function minStopTimeoutSeconds({ drainTimeoutSeconds }: Timings): number {
  return Math.max(drainTimeoutSeconds + STOP_MARGIN_SECONDS, drainTimeoutSeconds / 2 + STOP_STEPS_SECONDS);
}

/** Returns the violated relations, a sentence each; empty when every relation holds. */
export function timingProblems(timings: Timings): string[] {
  const t = timings;
  const relations: readonly (readonly [holds: boolean, problem: string])[] = [
    [
      t.stopTimeoutSeconds >= 2 && t.stopTimeoutSeconds <= MAX_STOP_TIMEOUT_SECONDS,
      `stopTimeoutSeconds is ${t.stopTimeoutSeconds}: Fargate allows 2 to ${MAX_STOP_TIMEOUT_SECONDS} seconds.`,
    ],
    [
      minStopTimeoutSeconds(t) <= t.stopTimeoutSeconds,
      `drainTimeoutSeconds is ${t.drainTimeoutSeconds}, stopTimeoutSeconds ${t.stopTimeoutSeconds}: such a drain needs a stop timeout of at least ${minStopTimeoutSeconds(t)} seconds.`,
    ],
    [
      t.heartbeatTimeoutSeconds >= 1 && t.heartbeatTimeoutSeconds + IDLE_MARGIN_SECONDS <= NLB_IDLE_TIMEOUT_SECONDS,
      `heartbeatTimeoutSeconds is ${t.heartbeatTimeoutSeconds}: it must end ${IDLE_MARGIN_SECONDS} seconds before the load balancer's idle timeout of ${NLB_IDLE_TIMEOUT_SECONDS} seconds, or that drops quiet clients before the gateway does.`,
    ],
    [
      t.authTimeoutSeconds > 0 && t.authTimeoutSeconds < NLB_IDLE_TIMEOUT_SECONDS,
      `authTimeoutSeconds is ${t.authTimeoutSeconds}: it must be above 0 and below the load balancer's idle timeout of ${NLB_IDLE_TIMEOUT_SECONDS} seconds.`,
    ],
    [
      t.deregistrationDelaySeconds >= MIN_DEREGISTRATION_DELAY_SECONDS && t.deregistrationDelaySeconds <= 3600,
      `deregistrationDelaySeconds is ${t.deregistrationDelaySeconds}: give ${MIN_DEREGISTRATION_DELAY_SECONDS} to 3600 seconds, because the load balancer sends new connections for minutes after the deregistration.`,
    ],
    [
      t.healthCheckIntervalSeconds >= 5 && t.healthCheckIntervalSeconds <= 300,
      `healthCheckIntervalSeconds is ${t.healthCheckIntervalSeconds}: the load balancer allows 5 to 300 seconds.`,
    ],
    [
      t.healthCheckFailures >= 2 && t.healthCheckFailures <= 10,
      `healthCheckFailures is ${t.healthCheckFailures}: the load balancer allows 2 to 10.`,
    ],
    [
      t.functionTimeoutSeconds >= 3 && t.functionTimeoutSeconds < API_TIMEOUT_SECONDS,
      `functionTimeoutSeconds is ${t.functionTimeoutSeconds}: it must be at least 3 (an answer of 503 takes up to 2) and below the HTTP API's ${API_TIMEOUT_SECONDS} seconds.`,
    ],
  ];
  return relations.filter(([holds]) => !holds).map(([, problem]) => problem);
}
