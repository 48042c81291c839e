import {
  Duration,
  aws_ec2 as ec2,
  type aws_ecs as ecs,
  aws_elasticloadbalancingv2 as elb,
  aws_s3 as s3,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { type DataPolicy, retention } from '../data-policy.ts';
import { missingPaths, openPath, type Path } from '../guards/security-group-paths.ts';
import { targetAttributesBelow } from '../guards/target-attributes.ts';
import type { Network } from '../network.ts';
import { NLB_IDLE_TIMEOUT_SECONDS, type Timings } from '../timings.ts';
import { DEFAULT_HEALTH_PORT, DEFAULT_PORT, type GatewaySettings, type TlsChoice } from './gateway-settings.ts';
import { CONTAINER_NAME } from './gateway-task.ts';

export interface LoadBalancerProps {
  readonly settings: GatewaySettings;
  readonly tls: TlsChoice;
  readonly timings: Timings;
  readonly network: Network;
  readonly service: ecs.FargateService;
  readonly tasks: ec2.SecurityGroup;
  readonly dataPolicy: DataPolicy;
}

/** The network load balancer: who may connect, where TLS ends, when a task gets no more connections. */
export class LoadBalancer extends Construct {
  readonly balancer: elb.NetworkLoadBalancer;
  readonly targets: elb.NetworkTargetGroup;
  readonly port: number;

  constructor(scope: Construct, id: string, props: LoadBalancerProps) {
    super(scope, id);
    const { settings, network } = props;
    this.port = settings.port ?? DEFAULT_PORT;
    // Must be given at creation: it cannot be added later.
    const clients = this.#clients(network.vpc, settings.clientCidrs ?? ['0.0.0.0/0']);
    const internetFacing = settings.internetFacing ?? true;
    this.balancer = new elb.NetworkLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      internetFacing,
      ...(internetFacing ? { vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } } : {}),
      securityGroups: [clients],
      crossZoneEnabled: true,
    });
    this.targets = this.#targets(props);
    this.#listen(props);
    this.#logAccess(props);

    const paths: Path[] = [this.port, settings.healthPort ?? DEFAULT_HEALTH_PORT].map((port) => ({
      from: clients,
      to: props.tasks,
      port,
    }));
    for (const path of paths) openPath(path, 'load balancer to gateways');
    this.node.addValidation({
      validate: () => [...targetAttributesBelow(this), ...missingPaths(this, paths)],
    });
  }

  #clients(vpc: ec2.IVpc, cidrs: readonly string[]): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'Clients', {
      vpc,
      description: 'TCP clients of fronttcp',
      allowAllOutbound: false,
    });
    for (const cidr of cidrs) group.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(this.port), 'clients');
    acknowledge(
      group,
      'EC23',
      'The one public port: clients come from anywhere unless gateway.clientCidrs says otherwise.',
    );
    return group;
  }

  #targets({ settings, timings, network, service }: LoadBalancerProps): elb.NetworkTargetGroup {
    const clientAddress = settings.clientAddress ?? 'preserve';
    const targets = new elb.NetworkTargetGroup(this, 'Targets', {
      vpc: network.vpc,
      port: this.port,
      protocol: elb.Protocol.TCP,
      targetType: elb.TargetType.IP,
      targets: [service.loadBalancerTarget({ containerName: CONTAINER_NAME, containerPort: this.port })],
      preserveClientIp: clientAddress === 'preserve',
      proxyProtocolV2: clientAddress === 'proxy-v2',
      deregistrationDelay: Duration.seconds(timings.deregistrationDelaySeconds),
      // The drain ends connections, paced; the load balancer would cut them all at once, and perhaps before SIGTERM.
      connectionTermination: false,
      healthCheck: {
        // Its own port: a check on the TCP port would be a client every few seconds from each node.
        protocol: elb.Protocol.HTTP,
        port: String(settings.healthPort ?? DEFAULT_HEALTH_PORT),
        // Says nothing of Redis: an outage there must not make every task unhealthy.
        path: '/healthz',
        interval: Duration.seconds(timings.healthCheckIntervalSeconds),
        timeout: Duration.seconds(Math.min(6, timings.healthCheckIntervalSeconds - 1)),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: timings.healthCheckFailures,
      },
    });
    const attributes = {
      // On by default, and then one long pause is a reconnect storm.
      'target_health_state.unhealthy.connection_termination.enabled': 'false',
      'target_health_state.unhealthy.draining_interval_seconds': '120',
      ...settings.targetGroupAttributes,
    };
    for (const [key, value] of Object.entries(attributes)) targets.setAttribute(key, value);
    return targets;
  }

  #listen({ settings, tls }: LoadBalancerProps): void {
    this.balancer.addListener('Listener', {
      port: this.port,
      defaultTargetGroups: [this.targets],
      ...(tls.kind === 'load-balancer'
        ? {
            protocol: elb.Protocol.TLS,
            certificates: [elb.ListenerCertificate.fromArn(tls.certificateArn)],
            sslPolicy: tls.policy ?? elb.SslPolicy.TLS13_12_RES_PQ,
          }
        : {
            protocol: elb.Protocol.TCP,
            tcpIdleTimeout: Duration.seconds(settings.idleTimeoutSeconds ?? NLB_IDLE_TIMEOUT_SECONDS),
          }),
    });
  }

  #logAccess({ tls, dataPolicy }: LoadBalancerProps): void {
    if (tls.kind !== 'load-balancer') {
      acknowledge(
        this.balancer,
        'ELB2',
        'Access logs exist for TLS listeners only; flow logs and the gateway log take their place.',
      );
      return;
    }
    const bucket = new s3.Bucket(this, 'AccessLogs', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: retention(dataPolicy),
    });
    acknowledge(bucket, 'S1', 'This bucket is the access log.');
    this.balancer.logAccessLogs(bucket as s3.IBucket);
  }
}
