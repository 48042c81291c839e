import {
  Annotations,
  type aws_cloudwatch as cw,
  type aws_kms as kms,
  aws_logs as logs,
  Names,
  Stack,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Artifacts } from './artifacts.ts';
import type { DataPolicy, LogSettings } from './data-policy.ts';
import { Domain, type DomainSettings } from './domain.ts';
import { GatewayService } from './gateway/gateway-service.ts';
import type { GatewaySettings, ScalingSettings, TlsChoice } from './gateway/gateway-settings.ts';
import type { UpstreamSettings } from './gateway/upstream.ts';
import { environmentProblems } from './guards/environment.ts';
import { plainSecretsBelow } from './guards/plain-secrets.ts';
import { refuse } from './guards/problems.ts';
import { propProblems, resourceProblems } from './guards/props.ts';
import type { ApiSettings } from './http/api-stage.ts';
import { HttpApi } from './http/http-api.ts';
import { NodeFunction } from './http/node-function.ts';
import { Network, type NetworkSettings } from './network.ts';
import { Alarms } from './observability/alarms.ts';
import { Dashboard } from './observability/dashboard.ts';
import { createStore } from './redis/create-store.ts';
import type { RedisChoice } from './redis/redis-choice.ts';
import type { RedisStore } from './redis/redis-store.ts';
import { defaultTimings, type Timings, timingProblems } from './timings.ts';

export interface FrontTcpProps {
  /** Where sessions, mailboxes and queues live. @default { kind: 'valkey' }: durable, in the VPC */
  readonly redis?: RedisChoice;
  /** Where TLS ends for TCP clients. @default at the load balancer with a `domain`, otherwise { kind: 'none' } */
  readonly tls?: TlsChoice;
  /** A name of your own for clients, and one for the API, with a certificate. @default the names that AWS gives */
  readonly domain?: DomainSettings;
  /** @default a new VPC, tasks with public addresses */
  readonly network?: NetworkSettings;
  /** @default port 8124, 1 vCPU, 2 GB, arm64 */
  readonly gateway?: GatewaySettings;
  /** @default 2 to 20 tasks, a new one at 20,000 connections each */
  readonly scaling?: ScalingSettings;
  /** @default 500 requests and 20 logins per second */
  readonly api?: ApiSettings;
  /** Where devices' application commands go: an alias of your own function. @default they are refused */
  readonly upstream?: UpstreamSettings;
  /** Laid over the default ones, and checked against each other. @default see `defaultTimings` */
  readonly timings?: Partial<Timings>;
  /** The SNS topic of the alarms. @default none */
  readonly alarmActions?: readonly cw.IAlarmAction[];
  /** What becomes of data when a resource goes. @default 'keep' */
  readonly dataPolicy?: DataPolicy;
  /** A key of your own for the store, its secret, logs, dead letters and functions. @default AWS's own keys */
  readonly encryptionKey?: kms.IKey;
  /** @default RetentionDays.ONE_MONTH */
  readonly logRetention?: logs.RetentionDays;
  /** The directory of the bundles. @default the ones that this package was built with */
  readonly artifacts?: string;
}

/**
 * fronttcp as one construct: TCP clients behind a load balancer, an HTTP API that reaches them, Redis between.
 * It throws with sentences at synthesis where props contradict each other or could not be deployed.
 */
export class FrontTcp extends Construct {
  readonly network: Network;
  readonly store: RedisStore;
  readonly gateways: GatewayService;
  readonly api: HttpApi;
  /** Has no route: `fronttcp users` invokes it by IAM, to reach a store that only the VPC reaches. */
  readonly relay: NodeFunction;
  readonly alarms: Alarms;
  readonly domain: Domain | undefined;
  /** The value of the metrics' one dimension. Not the service's name: the task would refer to its own service. */
  readonly deploymentId: string;
  /** `https://…`, without a slash at the end. */
  readonly apiUrl: string;
  /** `host:port` for TCP clients. */
  readonly tcpEndpoint: string;
  /** Whether clients speak TLS to it. */
  readonly speaksTls: boolean;
  /** The page from which an operator sends commands. */
  readonly consoleUrl: string;
  readonly dashboardUrl: string;

  constructor(scope: Construct, id: string, props: FrontTcpProps = {}) {
    super(scope, id);
    const choice = props.redis ?? { kind: 'valkey' };
    const tls: TlsChoice = props.tls ?? { kind: props.domain ? 'load-balancer' : 'none' };
    const { dataPolicy = 'keep', encryptionKey } = props;
    const timings = { ...defaultTimings, ...props.timings };
    const logSettings: LogSettings = {
      dataPolicy,
      encryptionKey,
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
    };
    const artifacts = new Artifacts(props.artifacts);
    refuse(this, [
      ...propProblems(props),
      ...resourceProblems(props, Stack.of(this)),
      ...timingProblems(timings),
      ...environmentProblems(props.gateway?.environment ?? {}, props.api?.environment ?? {}),
    ]);
    this.deploymentId = Names.uniqueId(this);
    this.domain = props.domain && new Domain(this, 'Domain', props.domain);

    this.network = new Network(this, 'Network', {
      ...props.network,
      storeInVpc: choice.kind !== 'upstash',
      invokesFunctions: props.upstream !== undefined,
      logs: logSettings,
    });
    this.store = createStore(this, 'Store', { choice, network: this.network, dataPolicy, encryptionKey });
    this.gateways = new GatewayService(this, 'Gateways', {
      network: this.network,
      store: this.store,
      settings: props.gateway ?? {},
      scaling: props.scaling ?? {},
      tls,
      timings,
      artifacts,
      logs: logSettings,
      deploymentId: this.deploymentId,
      domain: this.domain,
      upstream: props.upstream,
    });
    this.api = new HttpApi(this, 'HttpApi', {
      settings: props.api ?? {},
      network: this.network,
      store: this.store,
      timings,
      artifacts,
      logs: logSettings,
      deploymentId: this.deploymentId,
      domain: this.domain,
    });
    this.relay = new NodeFunction(this, 'Relay', {
      name: 'relay',
      memoryMiB: 256,
      timeoutSeconds: timings.functionTimeoutSeconds,
      artifacts,
      logs: logSettings,
      environment: {},
      store: this.store,
      encryptionKey,
      tracing: false,
      secretsExtensionLayerArn: props.api?.secretsExtensionLayerArn,
      storeAccess: { network: this.network, securityGroup: this.api.securityGroup },
    });
    const observed = { gateways: this.gateways, api: this.api, store: this.store, deploymentId: this.deploymentId };
    this.alarms = new Alarms(this, 'Alarms', { ...observed, actions: props.alarmActions ?? [] });
    this.gateways.rollBackOn(this.alarms.ofDeployment);
    const dashboard = new Dashboard(this, 'Dashboard', { ...observed, alarms: this.alarms.all });

    this.apiUrl = this.api.url;
    this.consoleUrl = `${this.apiUrl}/web/send-command`;
    const { balancer, port } = this.gateways.loadBalancer;
    this.tcpEndpoint = `${this.domain?.name ?? balancer.loadBalancerDnsName}:${port}`;
    this.speaksTls = tls.kind !== 'none';
    this.dashboardUrl = dashboard.url;

    this.node.addValidation({ validate: () => plainSecretsBelow(this) });
    this.#remark(choice, tls);
  }

  /** Remarks on allowed but notable settings. */
  #remark(choice: RedisChoice, tls: TlsChoice): void {
    const remarks = Annotations.of(this);
    if (tls.kind === 'none') {
      remarks.addInfo('TCP clients connect without TLS, so tokens cross the network in the clear: see the prop tls.');
    }
    if (choice.kind === 'serverless') {
      remarks.addInfo('ElastiCache Serverless may lose acknowledged messages in a failover, and evicts when full.');
    }
  }
}
