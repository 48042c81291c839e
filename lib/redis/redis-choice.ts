/** Upstash: bring your own database. Reached over HTTPS by the functions and over TLS by the gateways. */
export interface UpstashChoice {
  readonly kind: 'upstash';
  /** The complete ARN of a secret with the JSON fields `restUrl`, `restToken` and `redisUrl`. */
  readonly secretArn: string;
  /** @default '' */
  readonly keyPrefix?: string;
}

/** ElastiCache for Valkey 9 on nodes, written to a log in two zones before it answers: safe as a queue. */
export interface ValkeyChoice {
  readonly kind: 'valkey';
  /** Of the families that can be durable: m6g, m7g, r6g, r7g, c7gn and newer. @default 'cache.m7g.large' */
  readonly nodeType?: string;
  /** Durability began with 9.0. @default '9.0' */
  readonly engineVersion?: string;
  /** In other zones than the primary; durability needs one. @default 1 */
  readonly replicas?: number;
  /** `sync`: nothing acknowledged is lost. `async`: up to ten seconds of it, for less latency. @default 'sync' */
  readonly durability?: 'sync' | 'async';
  /** @default '{fronttcp}:' */
  readonly keyPrefix?: string;
}

/** ElastiCache Serverless: from a few dollars a month. A failover may lose acknowledged messages: for development. */
export interface ServerlessChoice {
  readonly kind: 'serverless';
  /** The major version of Valkey. @default '8' */
  readonly engineVersion?: string;
  /** @default 10 */
  readonly maxDataGb?: number;
  /** @default 50000 */
  readonly maxEcpuPerSecond?: number;
  /** @default '{fronttcp}:' */
  readonly keyPrefix?: string;
}

/** MemoryDB: as durable as Valkey 9; to be chosen for multi-Region plans or where it is the house standard. */
export interface MemoryDbChoice {
  readonly kind: 'memorydb';
  /** @default 'db.t4g.small' */
  readonly nodeType?: string;
  /** In other zones than the primary; without one, a failure of the node is an outage. @default 1 */
  readonly replicas?: number;
  /** @default '{fronttcp}:' */
  readonly keyPrefix?: string;
}

export type RedisChoice = UpstashChoice | ValkeyChoice | ServerlessChoice | MemoryDbChoice;

/** A hash tag: every key of a deployment is in one slot, so that its scripts run on a cluster. */
export const CLUSTER_KEY_PREFIX = '{fronttcp}:';
