/** The inputs of the model, and its assumptions. */
export interface Usage {
  /** Connected all month. */
  readonly clients: number;
  /** To each client, sent by HTTP. */
  readonly commandsPerMinute: number;
  /** Commands in one request: 1 to 100. */
  readonly batch: number;
  readonly redis: 'valkey' | 'serverless' | 'memorydb' | 'upstash';
  readonly tls: 'none' | 'load-balancer';
  /** Connections at which new tasks are started: `scaling.connectionsPerTask`. */
  readonly connectionsPerTask: number;
  /** Between two heartbeats of a client: a third of `timings.heartbeatTimeoutSeconds` at the least. */
  readonly heartbeatSeconds: number;
  /** `gateway.crossZone`. */
  readonly crossZone: boolean;
  /** `network.egress`. */
  readonly egress: 'public-ip' | 'nat' | 'endpoints';
  /** `gateway.spotPercent`. */
  readonly spotPercent: number;
  /** `api.firewall`. */
  readonly firewall: boolean;
  /** `api.tracing`. */
  readonly tracing: boolean;
}

export const defaultUsage: Usage = {
  clients: 100_000,
  commandsPerMinute: 1,
  batch: 1,
  redis: 'valkey',
  tls: 'none',
  connectionsPerTask: 20_000,
  heartbeatSeconds: 60,
  crossZone: true,
  egress: 'public-ip',
  spotPercent: 0,
  firewall: false,
  tracing: false,
};

export const MINUTES_PER_MONTH = 43_800;

/** Measured or assumed; docs/cost.md says which. */
export const assumptions = {
  /** More tasks than the average needs, so that one zone or one deployment can go. */
  headroom: 1.1,
  minTasks: 2,
  taskVcpu: 1,
  taskGb: 2,
  zones: 2,
  /** Both ways, with the headers of TCP and IP: a heartbeat, or a command and its acknowledgement. */
  bytesPerHeartbeat: 400,
  bytesPerCommand: 400,
  /** The share of these bytes that leaves AWS. */
  outShare: 0.5,
  /** Between the load balancer's zone and the task's. */
  crossZoneShare: 0.5,
  functionGb: 0.5,
  functionMs: 12,
  functionMsPerFurtherCommand: 0.3,
  accessLogBytes: 350,
  redisBytesPerClient: 2_000,
  redisCommandsPerMessage: 3,
  ecpuPerMessage: 5,
  /** Above it, the one thread that runs our scripts wants a larger node. */
  commandsPerSecondOfLargeNode: 10_000,
  /** Of all alarms together: one that reckons with three metrics costs three times as much. */
  alarmMetrics: 71,
  customMetrics: 24,
  /** Of the web ACL in front of the API: a rate rule and two groups of managed rules. */
  webAclRules: 3,
  /** Of the endpoints that isolated tasks need: the registry's two, logs, secrets. */
  isolatedEndpoints: 4,
} as const;

export function commandsPerMonth({ clients, commandsPerMinute }: Usage): number {
  return clients * commandsPerMinute * MINUTES_PER_MONTH;
}

export function tasksFor(clients: number, connectionsPerTask: number = defaultUsage.connectionsPerTask): number {
  const { headroom, minTasks } = assumptions;
  const needed = clients / connectionsPerTask;
  return needed <= minTasks / headroom ? minTasks : Math.ceil(needed * headroom - 1e-9);
}
