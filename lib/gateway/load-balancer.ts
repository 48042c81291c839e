import {
  aws_cloudwatch as cw,
  Duration,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_elasticloadbalancingv2 as elb,
  aws_iam as iam,
  aws_s3 as s3,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { type DataPolicy, retention } from '../data-policy.ts';
import type { Domain } from '../domain.ts';
import { missingPaths, openPath, type Path } from '../guards/security-group-paths.ts';
import { targetAttributesBelow } from '../guards/target-attributes.ts';
import type { Network } from '../network.ts';
import { suppressFinding } from '../suppress-finding.ts';
import { NLB_IDLE_TIMEOUT_SECONDS, type Timings } from '../timings.ts';
import { DEFAULT_HEALTH_PORT, DEFAULT_PORT, type GatewaySettings, type TlsChoice } from './gateway-settings.ts';
import { CONTAINER_NAME } from './gateway-task.ts';

interface LoadBalancerProps {
  readonly settings: GatewaySettings;
  readonly tls: TlsChoice;
  readonly timings: Timings;
  readonly network: Network;
  readonly service: ecs.FargateService;
  readonly tasks: ec2.SecurityGroup;
  readonly dataPolicy: DataPolicy;
  readonly domain: Domain | undefined;
}

/** The network load balancer: the admitted addresses, where TLS ends, when a task gets no more connections. */
export class LoadBalancer extends Construct {
  readonly balancer: elb.NetworkLoadBalancer;
  /** Two where a deployment shifts connections from one to the other. */
  readonly targetGroups: readonly elb.NetworkTargetGroup[];
  readonly port: number;

  constructor(scope: Construct, id: string, props: LoadBalancerProps) {
    super(scope, id);
    const { settings, network } = props;
    this.port = settings.port ?? DEFAULT_PORT;
    const everyone = ['0.0.0.0/0', ...(network.ipv6 ? ['::/0'] : [])];
    // Must be given at creation: it cannot be added later.
    const clients = this.#clients(network.vpc, settings.clientCidrs ?? everyone);
    this.balancer = this.#createBalancer(props, clients);
    const isShifting = (settings.deployment?.kind ?? 'rolling') !== 'rolling';
    const targets = this.#createTargets('Targets', props);
    const alternate = isShifting ? this.#createTargets('AlternateTargets', props) : undefined;
    this.targetGroups = alternate ? [targets, alternate] : [targets];
    const listener = this.#listen(props, targets);
    targets.addTarget(
      props.service.loadBalancerTarget({
        containerName: CONTAINER_NAME,
        containerPort: this.port,
        ...(alternate ? { alternateTarget: this.#alternate(alternate, listener) } : {}),
      }),
    );
    this.#logAccess(props);
    props.domain?.pointToBalancer(this.balancer, network.ipv6);

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
    for (const cidr of cidrs) {
      const peer = cidr.includes(':') ? ec2.Peer.ipv6(cidr) : ec2.Peer.ipv4(cidr);
      group.addIngressRule(peer, ec2.Port.tcp(this.port), 'clients');
    }
    suppressFinding(
      group,
      'EC23',
      'The one public port: clients come from anywhere unless gateway.clientCidrs says otherwise.',
    );
    return group;
  }

  #createBalancer({ settings, network }: LoadBalancerProps, clients: ec2.SecurityGroup): elb.NetworkLoadBalancer {
    const internetFacing = settings.internetFacing ?? true;
    const addresses = this.#addresses(settings.fixedAddresses ?? false, network);
    return new elb.NetworkLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      internetFacing,
      // It takes no second subnet of a zone.
      ...(addresses
        ? { subnetMappings: addresses }
        : { vpcSubnets: { ...(internetFacing ? { subnetType: ec2.SubnetType.PUBLIC } : {}), onePerAz: true } }),
      ...(network.ipv6 ? { ipAddressType: elb.IpAddressType.DUAL_STACK } : {}),
      securityGroups: [clients],
      crossZoneEnabled: settings.crossZone ?? true,
    });
  }

  /** An Elastic IP in each zone, so that firewalls in front of devices can name them. */
  #addresses(fixed: boolean | readonly string[], network: Network): elb.SubnetMapping[] | undefined {
    if (fixed === false) return undefined;
    return network.balancerSubnets.map((subnet, i) => ({
      subnet,
      allocationId:
        (fixed === true ? undefined : fixed[i]) ??
        new ec2.CfnEIP(this, `Address${i + 1}`, { domain: 'vpc' }).attrAllocationId,
    }));
  }

  #alternate(alternate: elb.NetworkTargetGroup, listener: elb.NetworkListener): ecs.AlternateTarget {
    const role = new iam.Role(this, 'ShiftRole', {
      assumedBy: new iam.ServicePrincipal('ecs.amazonaws.com'),
      managedPolicies: [
        iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonECSInfrastructureRolePolicyForLoadBalancers'),
      ],
    });
    suppressFinding(
      role,
      'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers]',
      'The role that AWS keeps for this very shift.',
    );
    return new ecs.AlternateTarget('Alternate', {
      alternateTargetGroup: alternate,
      productionListener: ecs.ListenerRuleConfiguration.networkListener(listener),
      role: role as iam.IRole,
    });
  }

  /** A metric of each target group: after a shift, the alternate one is the one in use. */
  metrics(metricName: string, statistic: string, period: Duration): cw.Metric[] {
    return this.targetGroups.map(
      (group) =>
        new cw.Metric({
          namespace: 'AWS/NetworkELB',
          metricName,
          dimensionsMap: {
            LoadBalancer: this.balancer.loadBalancerFullName,
            TargetGroup: group.targetGroupFullName,
          },
          statistic,
          period,
        }),
    );
  }

  #createTargets(id: string, { settings, timings, network }: LoadBalancerProps): elb.NetworkTargetGroup {
    const clientAddress = settings.clientAddress ?? 'preserve';
    const targets = new elb.NetworkTargetGroup(this, id, {
      vpc: network.vpc,
      port: this.port,
      protocol: elb.Protocol.TCP,
      targetType: elb.TargetType.IP,
      preserveClientIp: clientAddress === 'preserve',
      proxyProtocolV2: clientAddress === 'proxy-v2',
      deregistrationDelay: Duration.seconds(timings.deregistrationDelaySeconds),
      // The drain ends connections, paced; the load balancer would cut them all at once, and perhaps before SIGTERM.
      connectionTermination: false,
      healthCheck: {
        // Its own port: a check on the TCP port would be a client every few seconds from each node.
        protocol: elb.Protocol.HTTP,
        port: String(settings.healthPort ?? DEFAULT_HEALTH_PORT),
        // Independent of Redis: an outage there must not make every task unhealthy. The container's own health check
        // shows whether a new task can use Redis at all.
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

  #listen({ settings, tls, domain }: LoadBalancerProps, targets: elb.NetworkTargetGroup): elb.NetworkListener {
    if (tls.kind !== 'load-balancer') {
      return this.balancer.addListener('Listener', {
        port: this.port,
        defaultTargetGroups: [targets],
        protocol: elb.Protocol.TCP,
        tcpIdleTimeout: Duration.seconds(settings.idleTimeoutSeconds ?? NLB_IDLE_TIMEOUT_SECONDS),
      });
    }
    const certificate = tls.certificateArn ?? domain?.certificate.certificateArn;
    if (!certificate) throw new Error(`${this.node.path}: tls needs a certificateArn, or a domain to make one for.`);
    const listener = this.balancer.addListener('Listener', {
      port: this.port,
      defaultTargetGroups: [targets],
      protocol: elb.Protocol.TLS,
      certificates: [elb.ListenerCertificate.fromArn(certificate)],
      sslPolicy: tls.policy ?? elb.SslPolicy.TLS13_12_RES_PQ,
    });
    if (tls.clientCertificates) {
      // The construct of the CDK does not know it yet.
      const resource = listener.node.defaultChild;
      if (!(resource instanceof elb.CfnListener)) throw new Error(`${this.node.path}: the listener has no resource.`);
      resource.mutualAuthentication = { mode: 'verify', trustStoreArn: tls.clientCertificates.trustStoreArn };
    }
    return listener;
  }

  #logAccess({ tls, dataPolicy }: LoadBalancerProps): void {
    if (tls.kind !== 'load-balancer') {
      suppressFinding(
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
      // CloudFormation deletes no bucket that has objects in it, and this one has from the first hour on.
      autoDeleteObjects: dataPolicy === 'destroy',
    });
    suppressFinding(bucket, 'S1', 'This bucket is the access log.');
    this.balancer.logAccessLogs(bucket as s3.IBucket);
  }
}
