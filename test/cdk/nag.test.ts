import { Stack, Validations } from 'aws-cdk-lib';
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, it } from 'vitest';
import { newFrontTcp } from './support/synthesis.ts';

const assemble = (spoil: (stack: Stack) => void): void => {
  const stack = Stack.of(newFrontTcp());
  spoil(stack);
  Validations.of(stack.node.root).addPlugins(new AwsSolutionsChecks(stack.node.root as never));
  (stack.node.root as unknown as { synth(): void }).synth();
};

it('AwsSolutions has no finding, and would find a port that is open to everyone', () => {
  expect(() => assemble(() => undefined)).not.toThrow();
  expect(() =>
    assemble((stack) => {
      new CfnSecurityGroup(stack, 'Open', {
        groupDescription: 'open',
        securityGroupIngress: [{ ipProtocol: 'tcp', fromPort: 22, toPort: 22, cidrIp: '0.0.0.0/0' }],
      });
    }),
  ).toThrow(/EC23|Validation/);
}, 120_000);
