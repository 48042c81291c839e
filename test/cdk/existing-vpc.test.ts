import { aws_ec2 as ec2, type Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { GatewaySettings } from '../../lib/gateway/gateway-settings.ts';
import { BALANCER } from './support/gateway-template.ts';
import { newFrontTcp, newStack, resourceOf, resourcesOf, type TemplateJson } from './support/synthesis.ts';

const templateOf = (stack: Stack): TemplateJson => Template.fromStack(stack).toJSON() as TemplateJson;

const balancers: readonly (readonly [name: string, settings: GatewaySettings])[] = [
  ['a load balancer', {}],
  ['one with fixed addresses', { fixedAddresses: ['eipalloc-1', 'eipalloc-2'] }],
  ['one inside of the VPC', { internetFacing: false }],
];

const { PUBLIC, PRIVATE_ISOLATED } = ec2.SubnetType;

/** A VPC without NAT, with a group of subnets of each of these types in every zone. */
function vpcWith(stack: Stack, ...types: ec2.SubnetType[]): ec2.IVpc {
  const subnetConfiguration = types.map((subnetType, at) => ({ name: `group-${at}`, subnetType }));
  return new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration }) as ec2.IVpc;
}

describe('an existing VPC', () => {
  const stack = newStack();
  const publicOnly = vpcWith(stack, PUBLIC);

  it('must have subnets for the store', () => {
    expect(() => newFrontTcp({ network: { vpc: publicOnly } }, stack)).toThrow(/neither isolated nor private subnets/);
  });

  it('must have subnets for its egress', () => {
    const another = newStack();
    const vpc = vpcWith(another, PRIVATE_ISOLATED);
    expect(() => newFrontTcp({ network: { vpc } }, another)).toThrow(/no subnets for egress "public-ip"/);
  });

  it('must be in two zones', () => {
    const another = newStack();
    const vpc = new ec2.Vpc(another, 'Vpc', { natGateways: 0, maxAzs: 1 }) as ec2.IVpc;
    expect(() => newFrontTcp({ network: { vpc } }, another)).toThrow(/in one availability zone only: give it 2/);
  });

  it.each(balancers)('with two groups of subnets in each zone gives one of each zone to %s', (_, settings) => {
    const another = newStack();
    const vpc = vpcWith(another, PUBLIC, PUBLIC, PRIVATE_ISOLATED, PRIVATE_ISOLATED);
    newFrontTcp({ network: { vpc }, gateway: { crossZone: false, ...settings } }, another);
    const { Subnets, SubnetMappings } = resourceOf(templateOf(another), BALANCER).Properties;
    expect(Subnets ?? SubnetMappings).toHaveLength(2);
  });

  describe('whose names of AWS services lead to the new endpoints', () => {
    const imported = {
      vpcId: 'vpc-1',
      availabilityZones: ['us-east-1a', 'us-east-1b'],
      publicSubnetIds: ['subnet-1', 'subnet-2'],
      publicSubnetRouteTableIds: ['rtb-1', 'rtb-1'],
      isolatedSubnetIds: ['subnet-3', 'subnet-4'],
      isolatedSubnetRouteTableIds: ['rtb-2', 'rtb-2'],
    };
    /** The address blocks that may use the endpoints. */
    const admitted = (stack: Stack): unknown[] =>
      resourcesOf(templateOf(stack), 'AWS::EC2::SecurityGroup')
        .filter(({ Properties }) => Properties.GroupDescription === 'VPC endpoints of AWS services')
        .flatMap(({ Properties }) => Properties.SecurityGroupIngress ?? [])
        .map(({ CidrIp, FromPort, ToPort }) => [CidrIp, FromPort, ToPort]);
    const warnings = (stack: Stack) =>
      Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('vpcCidrBlock'));

    it('admits its other workloads to them', () => {
      const another = newStack();
      const vpc = vpcWith(another, PUBLIC, PRIVATE_ISOLATED);
      newFrontTcp({ network: { vpc } }, another);
      const own = { 'Fn::GetAtt': [expect.stringMatching(/^Vpc/), 'CidrBlock'] };
      expect(admitted(another)).toEqual([[own, 443, 443]]);
    });

    it('admits them by the address block that it was imported with, and by further ones', () => {
      const another = newStack();
      const vpc = ec2.Vpc.fromVpcAttributes(another, 'Vpc', { ...imported, vpcCidrBlock: '10.1.0.0/16' });
      const { network } = newFrontTcp({ network: { vpc } }, another);
      network.admitToEndpoints(ec2.Peer.ipv4('100.64.0.0/16'));
      expect(admitted(another)).toEqual([
        ['10.1.0.0/16', 443, 443],
        ['100.64.0.0/16', 443, 443],
      ]);
      expect(warnings(another)).toEqual([]);
    });

    it('imported without its address block gets a warning that says what to do', () => {
      const another = newStack();
      newFrontTcp({ network: { vpc: ec2.Vpc.fromVpcAttributes(another, 'Vpc', imported) } }, another);
      expect(admitted(another)).toEqual([]);
      expect(warnings(another)).toHaveLength(1);
    });
  });

  it('gets the endpoint for image layers, and no second one of what it has', () => {
    const another = newStack();
    const vpc = vpcWith(another, PUBLIC, PRIVATE_ISOLATED);
    newFrontTcp({ network: { vpc, egress: 'endpoints', existingEndpoints: ['ecr.api', 'ecr.dkr', 'logs'] } }, another);
    const template = Template.fromStack(another);
    const endpoints = Object.values(template.findResources('AWS::EC2::VPCEndpoint')).map((one) =>
      JSON.stringify(one.Properties.ServiceName),
    );
    expect(endpoints).toHaveLength(2);
    expect(endpoints.join()).toMatch(/\.s3/);
    expect(endpoints.join()).toMatch(/\.secretsmanager/);
  });
});
