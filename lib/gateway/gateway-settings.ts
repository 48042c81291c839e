import type { aws_ecs as ecs, aws_elasticloadbalancingv2 as elb } from 'aws-cdk-lib';
import type { SystemControls } from '../guards/system-controls.ts';

/**
 * Where TLS ends.
 * - `none`: plain TCP, as existing clients speak it. Tokens cross the network in the clear.
 * - `load-balancer`: ACM renews the certificate. The idle timeout is fixed, and capacity units for TLS cost more
 *   than those for TCP: sensible up to some 200,000 clients.
 * - `gateway`: the certificate is in a secret, `{"certificate", "privateKey"}` in PEM; the load balancer passes TCP on.
 */
export type TlsChoice =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'load-balancer';
      /** Of ACM, in the stack's region. @default the certificate that `domain` makes */
      readonly certificateArn?: string;
      /** @default SslPolicy.TLS13_12_RES_PQ */
      readonly policy?: elb.SslPolicy;
      /** The load balancer admits only clients with a certificate of this trust store. @default no certificates of clients */
      readonly clientCertificates?: { readonly trustStoreArn: string };
    }
  | {
      readonly kind: 'gateway';
      /** The complete ARN of the secret. */
      readonly secretArn: string;
      /**
       * Clients show a certificate of the authority in the secret's third field, `clientCa`; its common name is the only
       * user that the connection may verify as.
       * @default false
       */
      readonly clientCertificates?: boolean;
    };

/**
 * How the gateway learns a client's address.
 * - `preserve`: it is on the socket; no bound on connections per task.
 * - `proxy-v2`: by PROXY protocol; for clients that come through PrivateLink, or over IPv6.
 * - `none`: it sees the load balancer, with at most 55,000 connections per task.
 */
type ClientAddress = 'preserve' | 'proxy-v2' | 'none';

/**
 * How new tasks take over.
 * - `rolling`: in waves. Clients of a wave get a time to reconnect; nobody waits for the next wave.
 * - `canary`: a share of the new connections goes to the new tasks first, then all of them.
 * - `linear`: in equal steps.
 * Both of the latter run every task twice for their whole length, and ECS adds ten minutes to each shift of a network
 * load balancer. Connections that are there stay where they are until the old tasks drain, all of them at the end.
 */
export type GatewayDeployment =
  | { readonly kind: 'rolling' }
  | {
      readonly kind: 'canary';
      /** 0.1 to 100, with at most one decimal place. @default 5 */
      readonly percent?: number;
      /** 0 to 1440. @default 10 */
      readonly bakeMinutes?: number;
    }
  | {
      readonly kind: 'linear';
      /** 3 to 100, with at most one decimal place. @default 20 */
      readonly percent?: number;
      /** 0 to 1440. @default 6 */
      readonly bakeMinutes?: number;
    };

export interface GatewaySettings {
  /** The TCP port, of the load balancer and of the container. @default 8124 */
  readonly port?: number;
  /** @default 8125 */
  readonly healthPort?: number;
  /** Who may connect, as CIDR blocks. @default everyone: ['0.0.0.0/0'] */
  readonly clientCidrs?: readonly string[];
  /** @default true */
  readonly internetFacing?: boolean;
  /** @default 'preserve' */
  readonly clientAddress?: ClientAddress;
  /**
   * How long the load balancer keeps a silent connection, 60 to 350 seconds; not with TLS at the load balancer.
   * @default 350
   */
  readonly idleTimeoutSeconds?: number;
  /** In Fargate's units: 1024 is one vCPU, and one process uses one. @default 1024 */
  readonly cpu?: number;
  /** @default 2048 */
  readonly memoryMiB?: number;
  /** @default 'arm64' */
  readonly architecture?: 'arm64' | 'x86_64';
  /**
   * Further settings of docs/configuration.md, such as MAX_CONNECTIONS. Never a secret. Those that gateways and functions
   * must have in common, such as MAX_FRAME_BYTES, also go into `api.environment`.
   * @default none
   */
  readonly environment?: Readonly<Record<string, string>>;
  /** Laid over the default ones. @default a backlog of 16384 */
  readonly systemControls?: SystemControls;
  /** Laid over the default ones. @default none */
  readonly targetGroupAttributes?: Readonly<Record<string, string>>;
  /** @default built from the package's own Dockerfile */
  readonly image?: ecs.ContainerImage;
  /**
   * The image below ours, by digest (`…@sha256:…`), such as a mirror in your own registry.
   * @default Node 24 from Amazon's public mirror of the Docker library, by tag
   */
  readonly baseImage?: string;
  /** @default { kind: 'rolling' } */
  readonly deployment?: GatewayDeployment;
  /**
   * Percent of the tasks over the first that run on spot capacity, at a third of the price. A task that AWS takes back
   * drains within its two minutes; its clients reconnect.
   * @default 0
   */
  readonly spotPercent?: number;
  /**
   * Whether a node of the load balancer sends to tasks of all zones. Without it traffic stays in its zone and costs
   * nothing between zones; keep at least one task for each zone.
   * @default true
   */
  readonly crossZone?: boolean;
  /**
   * Addresses that do not change: new ones, or the allocation ids of Elastic IPs, one for each zone that has a public
   * subnet.
   * @default false
   */
  readonly fixedAddresses?: boolean | readonly string[];
  /**
   * Neither a scale-in nor a deployment stops a task as long as it holds a connection: the gateway renews the protection.
   * A deployment then does not finish until every client has left. Without it, both drain tasks, and their clients
   * reconnect.
   * @default false
   */
  readonly taskProtection?: boolean;
}

export interface ScalingSettings {
  /** At least two, or the loss of one zone is the loss of all connections. @default 2 */
  readonly minTasks?: number;
  /** @default 20 */
  readonly maxTasks?: number;
  /** The number that new tasks are started at. @default 20000 */
  readonly connectionsPerTask?: number;
  /** CPU at which new tasks are started, 10 to 90. @default 55 */
  readonly cpuPercent?: number;
}

export const DEFAULT_MIN_TASKS = 2;
export const DEFAULT_MAX_TASKS = 20;
export const DEFAULT_CPU_PERCENT = 55;

export const DEFAULT_PORT = 8124;
export const DEFAULT_HEALTH_PORT = 8125;
export const DEFAULT_CONNECTIONS_PER_TASK = 20_000;
/** The load balancer's connections to one target when it uses addresses of its own. */
export const MAX_CONNECTIONS_WITHOUT_PRESERVE = 55_000;
/** Beyond it, the hosts of Fargate forget a silent flow whatever the listener says. */
export const MAX_IDLE_TIMEOUT_SECONDS = 350;
