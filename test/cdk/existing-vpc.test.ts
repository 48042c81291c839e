import { aws_ec2 as ec2 } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { newFrontTcp, newStack } from './support/synthesis.ts';

describe('an existing VPC', () => {
  const stack = newStack();
  const publicOnly = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC }],
  }) as ec2.IVpc;

  it('must have subnets for the store', () => {
    expect(() => newFrontTcp({ network: { vpc: publicOnly } }, stack)).toThrow(/neither isolated nor private subnets/);
  });

  it('must have subnets for its egress', () => {
    const another = newStack();
    const vpc = new ec2.Vpc(another, 'Vpc', {
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    }) as ec2.IVpc;
    expect(() => newFrontTcp({ network: { vpc } }, another)).toThrow(/no subnets for egress "public-ip"/);
  });

  it('must be in two zones', () => {
    const another = newStack();
    const vpc = new ec2.Vpc(another, 'Vpc', { natGateways: 0, maxAzs: 1 }) as ec2.IVpc;
    expect(() => newFrontTcp({ network: { vpc } }, another)).toThrow(/in one availability zone only: give it 2/);
  });

  it('gets the endpoint for image layers, and no second one of what it has', () => {
    const another = newStack();
    const vpc = new ec2.Vpc(another, 'Vpc', {
      natGateways: 0,
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC },
        { name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      ],
    }) as ec2.IVpc;
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
