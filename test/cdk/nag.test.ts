import { aws_ec2 as ec2, Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, it } from 'vitest';
import { newFrontTcp, newStack } from './support/synthesis.ts';

const assemble = (spoil: (stack: Stack) => void, stack = Stack.of(newFrontTcp())): void => {
  spoil(stack);
  Validations.of(stack.node.root).addPlugins(new AwsSolutionsChecks(stack.node.root as never));
  (stack.node.root as unknown as { synth(): void }).synth();
};

it('AwsSolutions has no finding, and would find a port that is open to everyone', () => {
  expect(() => assemble(() => undefined)).not.toThrow();
  expect(() =>
    assemble((stack) => {
      new ec2.CfnSecurityGroup(stack, 'Open', {
        groupDescription: 'open',
        securityGroupIngress: [{ ipProtocol: 'tcp', fromPort: 22, toPort: 22, cidrIp: '0.0.0.0/0' }],
      });
    }),
  ).toThrow(/EC23|Validation/);
}, 120_000);

it('AwsSolutions has no finding in a VPC of the user, whose address block is known at deployment', () => {
  const stack = newStack();
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    flowLogs: { all: {} },
    subnetConfiguration: [
      { name: 'public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
      { name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    ],
  }) as ec2.IVpc;
  newFrontTcp({ network: { vpc, egress: 'endpoints' } }, stack);
  expect(() => assemble(() => undefined, stack)).not.toThrow();
}, 120_000);
