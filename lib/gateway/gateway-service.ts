import { type aws_cloudwatch as cw, Duration, aws_ec2 as ec2, aws_ecs as ecs } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Artifacts } from '../artifacts.ts';
import { type LogSettings, logGroup } from '../data-policy.ts';
import type { Domain } from '../domain.ts';
import { refuse } from '../guards/problems.ts';
import type { Network } from '../network.ts';
import { admitToStore, type RedisStore } from '../redis/redis-store.ts';
import type { Timings } from '../timings.ts';
import { gatewayProblems } from './gateway-problems.ts';
import {
  DEFAULT_MIN_TASKS,
  type GatewayDeployment,
  type GatewaySettings,
  type ScalingSettings,
  type TlsChoice,
} from './gateway-settings.ts';
import { GatewayTask } from './gateway-task.ts';
import { LoadBalancer } from './load-balancer.ts';
import { scaleGateways } from './scaling.ts';
import { Upstream, type UpstreamSettings } from './upstream.ts';

interface GatewayServiceProps {
  readonly network: Network;
  readonly store: RedisStore;
  readonly settings: GatewaySettings;
  readonly scaling: ScalingSettings;
  readonly tls: TlsChoice;
  readonly timings: Timings;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  readonly deploymentId: string;
  /** @default the load balancer's own name */
  readonly domain?: Domain | undefined;
  /** @default nothing goes upstream */
  readonly upstream?: UpstreamSettings | undefined;
}

/** A wave of a rolling deployment is a quarter of the tasks that run, or the share that is one of `minTasks`, if that is more. */
const WAVE_PERCENT = 25;

/** The gateways on Fargate behind their load balancer. */
export class GatewayService extends Construct {
  readonly cluster: ecs.ICluster;
  readonly service: ecs.FargateService;
  readonly task: GatewayTask;
  readonly loadBalancer: LoadBalancer;
  readonly securityGroup: ec2.SecurityGroup;
  readonly upstream: Upstream | undefined;

  constructor(scope: Construct, id: string, props: GatewayServiceProps) {
    super(scope, id);
    const { network, store, settings, scaling, tls, timings, artifacts, deploymentId } = props;
    const { ipv6, balancerSubnets } = network;
    refuse(this, gatewayProblems(settings, scaling, tls, { ipv6, zones: balancerSubnets.length }));

    this.cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ecs.ContainerInsights.ENHANCED,
    }) as ecs.ICluster;
    this.task = new GatewayTask(this, 'Task', {
      settings,
      tls,
      timings,
      store,
      artifacts,
      deploymentId,
      cluster: this.cluster,
      logGroup: logGroup(this, 'Logs', props.logs),
      encryptionKey: props.logs.encryptionKey,
    });
    this.upstream = props.upstream && this.#connectUpstream(props.upstream, props.logs);
    this.securityGroup = new ec2.SecurityGroup(this, 'Group', {
      vpc: network.vpc,
      description: 'Gateways of fronttcp',
    });
    admitToStore(store, this.securityGroup, 'gateways');
    network.admitToEndpoints(this.securityGroup);

    this.service = new ecs.FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: this.task.definition,
      securityGroups: [this.securityGroup],
      vpcSubnets: network.gatewaySubnets,
      assignPublicIp: network.egress === 'public-ip',
      // No desiredCount: each deployment would reset the count that autoscaling has reached.
      minHealthyPercent: 100,
      ...deploymentProps(settings.deployment ?? { kind: 'rolling' }, scaling),
      circuitBreaker: { enable: true, rollback: true },
      // On by default, and then ECS kills tasks full of connections to spread them over the zones.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
      healthCheckGracePeriod: Duration.seconds(60),
      platformVersion: ecs.FargatePlatformVersion.LATEST,
      // Also without spot: to change between a strategy and a launch type, CloudFormation replaces the service and all its tasks.
      capacityProviderStrategies: capacityStrategy(settings.spotPercent ?? 0),
      enableExecuteCommand: false,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
    this.#provideCapacity();
    this.#waitForTheNetwork(network, store);
    this.loadBalancer = new LoadBalancer(this, 'LoadBalancer', {
      settings,
      tls,
      timings,
      network,
      service: this.service,
      tasks: this.securityGroup,
      dataPolicy: props.logs.dataPolicy,
      domain: props.domain,
    });
    scaleGateways(this.service, scaling, deploymentId);
  }

  /** Deleted after the service and before the cluster: in any other order ECS refuses. */
  #provideCapacity(): void {
    const providers = new ecs.CfnClusterCapacityProviderAssociations(this, 'CapacityProviders', {
      cluster: this.cluster.clusterName,
      capacityProviders: [...CAPACITY_PROVIDERS],
      defaultCapacityProviderStrategy: [],
    });
    this.service.node.addDependency(providers);
  }

  /** A task that starts before its routes, endpoints or rights are there fails, and the circuit breaker counts it. */
  #waitForTheNetwork(network: Network, store: RedisStore): void {
    const { access } = store;
    this.service.node.addDependency(network.ready, this.task.executionRole, ...(access ? [access.securityGroup] : []));
  }

  #connectUpstream(settings: UpstreamSettings, { dataPolicy, encryptionKey }: LogSettings): Upstream {
    const { taskRole } = this.task.definition;
    const upstream = new Upstream(this, 'Upstream', { settings, taskRole, dataPolicy, encryptionKey });
    this.task.addEnvironment(upstream.environment);
    return upstream;
  }

  /** When one of these alarms fires during a deployment, the deployment is rolled back. */
  rollBackOn(alarms: readonly cw.Alarm[]): void {
    this.service.enableDeploymentAlarms(
      alarms.map((alarm) => alarm.alarmName),
      { behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM },
    );
  }
}

const CAPACITY_PROVIDERS = ['FARGATE', 'FARGATE_SPOT'] as const;

function capacityStrategy(spotPercent: number): ecs.CapacityProviderStrategy[] {
  return [
    { capacityProvider: CAPACITY_PROVIDERS[0], weight: 100 - spotPercent, base: 1 },
    { capacityProvider: CAPACITY_PROVIDERS[1], weight: spotPercent },
  ];
}

function deploymentProps(
  deployment: GatewayDeployment,
  { minTasks = DEFAULT_MIN_TASKS }: ScalingSettings,
): Partial<ecs.FargateServiceProps> {
  if (deployment.kind === 'rolling') {
    // ECS rounds down: where the percentage of the tasks is less than one, the deployment would never begin.
    return { maxHealthyPercent: 100 + Math.max(WAVE_PERCENT, Math.ceil(100 / minTasks)) };
  }
  const isCanary = deployment.kind === 'canary';
  const { percent = isCanary ? 5 : 20, bakeMinutes = isCanary ? 10 : 6 } = deployment;
  const shift = { stepPercent: percent, stepBakeTime: Duration.minutes(bakeMinutes) };
  // Both start all of the new tasks before they shift the first connection.
  return isCanary
    ? { maxHealthyPercent: 200, deploymentStrategy: ecs.DeploymentStrategy.CANARY, canaryConfiguration: shift }
    : { maxHealthyPercent: 200, deploymentStrategy: ecs.DeploymentStrategy.LINEAR, linearConfiguration: shift };
}
