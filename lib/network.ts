import { aws_ec2 as ec2 } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { type LogSettings, logGroup } from './data-policy.ts';
import { refuse } from './guards/problems.ts';

/**
 * How tasks reach AWS and the internet.
 * - `public-ip`: an address each in public subnets; their security group admits the load balancer alone.
 * - `nat`: private subnets behind one NAT gateway.
 * - `endpoints`: isolated subnets with VPC endpoints; no way to the internet at all.
 */
export type Egress = 'public-ip' | 'nat' | 'endpoints';

export interface NetworkSettings {
  /**
   * An existing network, with isolated (or private) subnets for the store beside those that `egress` needs.
   * @default a new VPC in two availability zones
   */
  readonly vpc?: ec2.IVpc;
  /** @default 'public-ip' */
  readonly egress?: Egress;
  /**
   * Whether in-VPC functions get an interface endpoint for Secrets Manager, without which they cannot read their secret.
   * @default true unless `vpc` is given and `egress` is 'nat'
   */
  readonly secretsEndpoint?: boolean;
}

export interface NetworkProps extends NetworkSettings {
  /** The store is in the VPC, and so the functions are. */
  readonly storeInVpc: boolean;
  /** Gateways invoke a function of the customer. */
  readonly invokesFunctions: boolean;
  readonly logs: LogSettings;
}

const { PUBLIC, PRIVATE_WITH_EGRESS, PRIVATE_ISOLATED } = ec2.SubnetType;

const gatewaySubnetType = {
  'public-ip': PUBLIC,
  nat: PRIVATE_WITH_EGRESS,
  endpoints: PRIVATE_ISOLATED,
} as const satisfies Record<Egress, ec2.SubnetType>;

/** The VPC, which subnets each part lives in, and its private ways to AWS's own services. */
export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly egress: Egress;
  readonly gatewaySubnets: ec2.SubnetSelection;
  readonly functionSubnets: ec2.SubnetSelection;
  readonly storeSubnets: ec2.SubnetSelection;
  readonly #endpoints: ec2.SecurityGroup | undefined;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    this.egress = props.egress ?? 'public-ip';
    this.vpc = props.vpc ?? (this.#createVpc(props.logs) as ec2.IVpc);
    refuse(this, this.#problems(props));

    const stores = this.vpc.isolatedSubnets.length > 0 ? PRIVATE_ISOLATED : PRIVATE_WITH_EGRESS;
    this.storeSubnets = { subnetType: stores };
    this.gatewaySubnets = { subnetType: gatewaySubnetType[this.egress] };
    this.functionSubnets = { subnetType: this.egress === 'nat' ? PRIVATE_WITH_EGRESS : stores };

    const services = this.#services(props);
    if (services.length > 0) this.#endpoints = this.#createEndpoints(services);
  }

  /** Lets a part use the VPC endpoints, where there are any. */
  admitToEndpoints(part: ec2.ISecurityGroup): void {
    this.#endpoints?.addIngressRule(part, ec2.Port.tcp(443), 'AWS APIs');
  }

  #problems(props: NetworkProps): string[] {
    const problems: string[] = [];
    if (this.egress === 'endpoints' && !props.storeInVpc) {
      problems.push(
        'Upstash is on the internet, which the isolated subnets of egress "endpoints" cannot reach: use egress "public-ip" or "nat", or a store in the VPC.',
      );
    }
    const has = {
      'public-ip': this.vpc.publicSubnets,
      nat: this.vpc.privateSubnets,
      endpoints: this.vpc.isolatedSubnets,
    }[this.egress];
    if (has.length === 0) problems.push(`The given VPC has no subnets for egress "${this.egress}".`);
    if (props.storeInVpc && this.vpc.isolatedSubnets.length + this.vpc.privateSubnets.length === 0) {
      problems.push('The given VPC has neither isolated nor private subnets for the store.');
    }
    return problems;
  }

  #services(props: NetworkProps): readonly (readonly [id: string, ec2.InterfaceVpcEndpointAwsService])[] {
    const { ECR, ECR_DOCKER, CLOUDWATCH_LOGS, LAMBDA, SECRETS_MANAGER } = ec2.InterfaceVpcEndpointAwsService;
    const secrets = props.secretsEndpoint ?? !(props.vpc && this.egress === 'nat');
    const needsSecrets = secrets && (this.egress === 'endpoints' || (props.storeInVpc && this.egress === 'public-ip'));
    return [
      ...(needsSecrets ? ([['SecretsManager', SECRETS_MANAGER]] as const) : []),
      ...(this.egress === 'endpoints'
        ? ([
            ['EcrApi', ECR],
            ['EcrDocker', ECR_DOCKER],
            ['Logs', CLOUDWATCH_LOGS],
            ...(props.invokesFunctions ? ([['Lambda', LAMBDA]] as const) : []),
          ] as const)
        : []),
    ];
  }

  #createVpc(logs: LogSettings): ec2.Vpc {
    const nat = this.egress === 'nat';
    return new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      // Left out, the CDK makes one for each zone.
      natGateways: nat ? 1 : 0,
      restrictDefaultSecurityGroup: true,
      subnetConfiguration: [
        { name: 'public', subnetType: PUBLIC, cidrMask: 22, mapPublicIpOnLaunch: false },
        ...(nat ? [{ name: 'private', subnetType: PRIVATE_WITH_EGRESS, cidrMask: 22 }] : []),
        { name: 'isolated', subnetType: PRIVATE_ISOLATED, cidrMask: 22 },
      ],
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      flowLogs: {
        Rejected: {
          destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup(this, 'FlowLogs', logs)),
          trafficType: ec2.FlowLogTrafficType.REJECT,
        },
      },
    });
  }

  #createEndpoints(services: readonly (readonly [string, ec2.InterfaceVpcEndpointAwsService])[]): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'EndpointGroup', {
      vpc: this.vpc,
      description: 'VPC endpoints of AWS services',
      allowAllOutbound: false,
    });
    for (const [id, service] of services) {
      new ec2.InterfaceVpcEndpoint(this, id, {
        vpc: this.vpc,
        service,
        subnets: this.functionSubnets,
        securityGroups: [group],
        // Admits security groups, not the whole VPC.
        open: false,
      });
    }
    return group;
  }
}
