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
      /** Of ACM, in the stack's region. */
      readonly certificateArn: string;
      /** @default SslPolicy.TLS13_12_RES_PQ */
      readonly policy?: elb.SslPolicy;
    }
  | {
      readonly kind: 'gateway';
      /** The complete ARN of the secret. */
      readonly secretArn: string;
    };

/**
 * How the gateway learns a client's address.
 * - `preserve`: it is on the socket; no bound on connections per task.
 * - `proxy-v2`: by PROXY protocol; for clients that come through PrivateLink, or over IPv6.
 * - `none`: it sees the load balancer, with at most 55,000 connections per task.
 */
export type ClientAddress = 'preserve' | 'proxy-v2' | 'none';

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
  /** Further settings of CONTRACT.md section 5, such as MAX_FRAME_BYTES. Never a secret. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Laid over the default ones. @default a backlog of 16384 and keepalive after two minutes */
  readonly systemControls?: SystemControls;
  /** Laid over the default ones. @default none */
  readonly targetGroupAttributes?: Readonly<Record<string, string>>;
  /** @default built from the package's own Dockerfile */
  readonly image?: ecs.ContainerImage;
  /**
   * A task that holds connections cannot be taken by a scale-in, nor by a deployment: deployments then wait
   * until the protection runs out. Without it, both drain tasks, and their clients reconnect.
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
  /** @default 55 */
  readonly cpuPercent?: number;
}

export const DEFAULT_PORT = 8124;
export const DEFAULT_HEALTH_PORT = 8125;
export const DEFAULT_CONNECTIONS_PER_TASK = 20_000;
/** What the load balancer can hold to one target when it speaks with an address of its own. */
export const MAX_CONNECTIONS_WITHOUT_PRESERVE = 55_000;
/** Beyond it, the hosts of Fargate forget a silent flow whatever the listener says. */
export const MAX_IDLE_TIMEOUT_SECONDS = 350;
