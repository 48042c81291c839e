import { Annotations, aws_ec2 as ec2, Token } from 'aws-cdk-lib';
import { Construct, DependencyGroup, type IDependable } from 'constructs';
import { type LogSettings, logGroup } from './data-policy.ts';
import { refuse } from './guards/problems.ts';
import { suppressFinding } from './suppress-finding.ts';

/**
 * How tasks reach AWS and the internet.
 * - `public-ip`: an address each in public subnets; their security group admits the load balancer alone.
 * - `nat`: private subnets behind one NAT gateway.
 * - `endpoints`: isolated subnets with VPC endpoints; no way to the internet at all.
 */
type Egress = 'public-ip' | 'nat' | 'endpoints';

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
   * The whole VPC uses this endpoint, by its private DNS name.
   * @default true unless `vpc` is given and `egress` is 'nat'
   */
  readonly secretsEndpoint?: boolean;
  /**
   * Endpoints that the given VPC has already, and that admit its gateways and functions: a second one for the same service
   * would not get its name. @default none
   */
  readonly existingEndpoints?: readonly EndpointName[];
  /**
   * Both address families at the load balancer, the API and in a new VPC; a given one must have IPv6 blocks. Tasks see IPv6
   * clients with `gateway.clientAddress: 'proxy-v2'` only.
   * @default false
   */
  readonly ipv6?: boolean;
}

const interfaceServices = {
  secretsmanager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  'ecr.api': ec2.InterfaceVpcEndpointAwsService.ECR,
  'ecr.dkr': ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
  logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  lambda: ec2.InterfaceVpcEndpointAwsService.LAMBDA,
} as const;

type InterfaceName = keyof typeof interfaceServices;
/** `s3` is the gateway endpoint, without which isolated tasks get no image. */
export const endpointNames = ['secretsmanager', 'ecr.api', 'ecr.dkr', 'logs', 'lambda', 's3'] as const;
type EndpointName = (typeof endpointNames)[number];

const ENDPOINT_IDS: Readonly<Record<InterfaceName, string>> = {
  secretsmanager: 'SecretsManager',
  'ecr.api': 'EcrApi',
  'ecr.dkr': 'EcrDocker',
  logs: 'Logs',
  lambda: 'Lambda',
};

/** One zone that goes would take every connection with it. */
const MIN_ZONES = 2;

interface NetworkProps extends NetworkSettings {
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
  readonly ipv6: boolean;
  /** Everything that a task needs to reach before it can start. */
  readonly ready: IDependable;
  readonly gatewaySubnets: ec2.SubnetSelection;
  readonly functionSubnets: ec2.SubnetSelection;
  readonly storeSubnets: ec2.SubnetSelection;
  readonly #endpoints: ec2.SecurityGroup | undefined;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    this.egress = props.egress ?? 'public-ip';
    this.ipv6 = props.ipv6 ?? false;
    this.vpc = props.vpc ?? (this.#createVpc(props.logs) as ec2.IVpc);
    refuse(this, this.#problems(props));

    const stores = this.vpc.isolatedSubnets.length > 0 ? PRIVATE_ISOLATED : PRIVATE_WITH_EGRESS;
    this.storeSubnets = { subnetType: stores };
    this.gatewaySubnets = { subnetType: gatewaySubnetType[this.egress] };
    this.functionSubnets = { subnetType: this.egress === 'nat' ? PRIVATE_WITH_EGRESS : stores };

    const ready = new DependencyGroup(this.vpc.internetConnectivityEstablished);
    ready.add(this.vpc.selectSubnets(this.gatewaySubnets).internetConnectivityEstablished);
    const services = this.#services(props);
    if (services.length > 0) {
      this.#endpoints = this.#createEndpoints(services, ready);
      if (props.vpc) this.#admitWorkloadsOf(props.vpc, this.#endpoints);
    }
    if (this.#needsImageLayers(props)) ready.add(this.#createS3Endpoint(this.vpc));
    this.ready = ready;
  }

  /** Lets a part, or an address block, use the VPC endpoints, where there are any. */
  admitToEndpoints(part: ec2.IPeer): void {
    this.#endpoints?.addIngressRule(part, ec2.Port.tcp(443), 'AWS APIs');
  }

  /** The public subnets that a load balancer takes: one of each zone. */
  get balancerSubnets(): readonly ec2.ISubnet[] {
    const zones = this.vpc.publicSubnets.map(({ availabilityZone }) => availabilityZone);
    return this.vpc.publicSubnets.filter((_, i) => zones.indexOf(zones[i] ?? '') === i);
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
    else if (zonesOf(has) < MIN_ZONES) {
      problems.push(
        `The given VPC has subnets for egress "${this.egress}" in one availability zone only: give it ${MIN_ZONES}.`,
      );
    }
    if (props.existingEndpoints && !props.vpc) {
      problems.push('existingEndpoints are those of a given VPC, and none is given.');
    }
    if (props.storeInVpc && this.vpc.isolatedSubnets.length + this.vpc.privateSubnets.length === 0) {
      problems.push('The given VPC has neither isolated nor private subnets for the store.');
    }
    return problems;
  }

  #services(props: NetworkProps): readonly InterfaceName[] {
    const secrets = props.secretsEndpoint ?? !(props.vpc && this.egress === 'nat');
    const needsSecrets = secrets && (this.egress === 'endpoints' || (props.storeInVpc && this.egress === 'public-ip'));
    const isolated: readonly InterfaceName[] = ['ecr.api', 'ecr.dkr', 'logs'];
    const needed: readonly InterfaceName[] = [
      ...(needsSecrets ? (['secretsmanager'] as const) : []),
      ...(this.egress === 'endpoints' ? isolated : []),
      ...(this.egress === 'endpoints' && props.invokesFunctions ? (['lambda'] as const) : []),
    ];
    return needed.filter((name) => !props.existingEndpoints?.includes(name));
  }

  /** A new VPC has its endpoint for S3 from the start. */
  #needsImageLayers({ vpc, existingEndpoints = [] }: NetworkProps): boolean {
    return vpc !== undefined && this.egress === 'endpoints' && !existingEndpoints.includes('s3');
  }

  #createS3Endpoint(vpc: ec2.IVpc): ec2.GatewayVpcEndpoint {
    return new ec2.GatewayVpcEndpoint(this, 'S3', {
      vpc,
      service: ec2.GatewayVpcEndpointAwsService.S3,
      subnets: [this.gatewaySubnets],
    });
  }

  #createVpc(logs: LogSettings): ec2.Vpc {
    const nat = this.egress === 'nat';
    return new ec2.Vpc(this, 'Vpc', {
      maxAzs: MIN_ZONES,
      ...(this.ipv6 ? { ipProtocol: ec2.IpProtocol.DUAL_STACK } : {}),
      // Left out, the CDK makes one for each zone.
      natGateways: nat ? 1 : 0,
      restrictDefaultSecurityGroup: true,
      subnetConfiguration: [
        { name: 'public', subnetType: PUBLIC, cidrMask: 22, mapPublicIpOnLaunch: false },
        { name: 'isolated', subnetType: PRIVATE_ISOLATED, cidrMask: 22 },
        // Last: blocks are given out in this order, and the subnets that exist must keep theirs when `egress` is changed.
        ...(nat ? [{ name: 'private', subnetType: PRIVATE_WITH_EGRESS, cidrMask: 22 }] : []),
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

  /** Private DNS leads every workload of the VPC to these endpoints: one that is not admitted loses the AWS service. */
  #admitWorkloadsOf(vpc: ec2.IVpc, endpoints: ec2.SecurityGroup): void {
    const block = addressBlockOf(vpc);
    if (block === undefined) {
      Annotations.of(this).addWarningV2(
        'fronttcp:endpointsOfVpc',
        'The new VPC endpoints have private DNS, so the whole VPC uses them, but its address block is not known and they admit fronttcp alone: give vpcCidrBlock to Vpc.fromVpcAttributes.',
      );
      return;
    }
    endpoints.addIngressRule(ec2.Peer.ipv4(block), ec2.Port.tcp(443), 'workloads of the VPC');
    if (Token.isUnresolved(block)) {
      suppressFinding(endpoints, 'EC23', 'The address block of the VPC itself, which is known at deployment.');
    }
  }

  #createEndpoints(services: readonly InterfaceName[], ready: DependencyGroup): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, 'EndpointGroup', {
      vpc: this.vpc,
      description: 'VPC endpoints of AWS services',
      allowAllOutbound: false,
    });
    ready.add(group);
    for (const name of services) {
      const endpoint = new ec2.InterfaceVpcEndpoint(this, ENDPOINT_IDS[name], {
        vpc: this.vpc,
        service: interfaceServices[name],
        subnets: this.functionSubnets,
        securityGroups: [group],
        // The CDK would admit the address block of any VPC, and fail for one whose block is not known.
        open: false,
      });
      ready.add(endpoint);
    }
    return group;
  }
}

/** Undefined: the VPC was imported without it. */
function addressBlockOf(vpc: ec2.IVpc): string | undefined {
  try {
    return vpc.vpcCidrBlock;
  } catch {
    return undefined;
  }
}

function zonesOf(subnets: readonly ec2.ISubnet[]): number {
  return new Set(subnets.map(({ availabilityZone }) => availabilityZone)).size;
}
