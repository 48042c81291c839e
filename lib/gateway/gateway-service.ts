import { type aws_cloudwatch as cw, Duration, aws_ec2 as ec2, aws_ecs as ecs } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Artifacts } from '../artifacts.ts';
import { type DataPolicy, type LogSettings, logGroup } from '../data-policy.ts';
import { refuse } from '../guards/problems.ts';
import type { Network } from '../network.ts';
import { admitToStore, type RedisStore } from '../redis/redis-store.ts';
import type { Timings } from '../timings.ts';
import { gatewayProblems } from './gateway-problems.ts';
import type { GatewaySettings, ScalingSettings, TlsChoice } from './gateway-settings.ts';
import { GatewayTask } from './gateway-task.ts';
import { LoadBalancer } from './load-balancer.ts';
import { scaleGateways } from './scaling.ts';
import { Upstream, type UpstreamSettings } from './upstream.ts';

export interface GatewayServiceProps {
  readonly network: Network;
  readonly store: RedisStore;
  readonly settings: GatewaySettings;
  readonly scaling: ScalingSettings;
  readonly tls: TlsChoice;
  readonly timings: Timings;
  readonly artifacts: Artifacts;
  readonly logs: LogSettings;
  readonly deploymentId: string;
  /** @default nothing goes upstream */
  readonly upstream?: UpstreamSettings | undefined;
}

/** From this many tasks on, a deployment goes in waves: with 200 % every client would reconnect at once. */
const TASKS_FOR_WAVES = 8;

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
    refuse(this, gatewayProblems(settings, scaling, tls));

    this.cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ecs.ContainerInsights.ENHANCED,
      enableFargateCapacityProviders: true,
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
    });
    this.upstream = props.upstream && this.#connectUpstream(props.upstream, props.logs.dataPolicy);
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
      // No desiredCount: each deployment would reset what autoscaling has reached.
      minHealthyPercent: 100,
      maxHealthyPercent: (scaling.minTasks ?? 2) < TASKS_FOR_WAVES ? 200 : 125,
      circuitBreaker: { enable: true, rollback: true },
      // On by default, and then ECS kills tasks full of connections to spread them over the zones.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
      healthCheckGracePeriod: Duration.seconds(60),
      platformVersion: ecs.FargatePlatformVersion.LATEST,
      // Spot would take twenty thousand connections with two minutes' notice.
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE', weight: 1, base: 1 }],
      enableExecuteCommand: false,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
    this.loadBalancer = new LoadBalancer(this, 'LoadBalancer', {
      settings,
      tls,
      timings,
      network,
      service: this.service,
      tasks: this.securityGroup,
      dataPolicy: props.logs.dataPolicy,
    });
    scaleGateways(this.service, scaling, deploymentId);
  }

  #connectUpstream(settings: UpstreamSettings, dataPolicy: DataPolicy): Upstream {
    const { taskRole } = this.task.definition;
    const upstream = new Upstream(this, 'Upstream', { settings, taskRole, dataPolicy });
    this.task.tell(upstream.environment);
    return upstream;
  }

  /** A deployment during which one of these fires goes back to what ran before. */
  rollBackOn(alarms: readonly cw.Alarm[]): void {
    this.service.enableDeploymentAlarms(
      alarms.map((alarm) => alarm.alarmName),
      { behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM },
    );
  }
}
