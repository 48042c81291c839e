import { aws_ec2 as ec2, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export interface Path {
  readonly from: ec2.ISecurityGroup;
  readonly to: ec2.ISecurityGroup;
  readonly port: number;
}

/**
 * The CDK opens no path from a network load balancer to its targets, unlike for an application load balancer:
 * without these rules the stack deploys and no health check ever passes.
 */
export function openPath({ from, to, port }: Path, purpose: string): void {
  to.addIngressRule(from, ec2.Port.tcp(port), purpose);
  from.addEgressRule(to, ec2.Port.tcp(port), purpose);
}

/** Returns the paths that the rules of the stack do not open in both directions: out of the one group and into the other. */
export function missingPaths(scope: IConstruct, paths: readonly Path[]): string[] {
  const stack = Stack.of(scope);
  const constructs = stack.node.findAll();
  const ingress = constructs.filter((one) => one instanceof ec2.CfnSecurityGroupIngress);
  const egress = constructs.filter((one) => one instanceof ec2.CfnSecurityGroupEgress);
  const same = (a: unknown, b: unknown): boolean => {
    return JSON.stringify(stack.resolve(a)) === JSON.stringify(stack.resolve(b));
  };
  return paths.flatMap(({ from, to, port }) => {
    const admitted = ingress.some(
      (rule) =>
        same(rule.groupId, to.securityGroupId) &&
        same(rule.sourceSecurityGroupId, from.securityGroupId) &&
        covers(rule, port),
    );
    const released =
      from.allowAllOutbound ||
      egress.some(
        (rule) =>
          same(rule.groupId, from.securityGroupId) &&
          same(rule.destinationSecurityGroupId, to.securityGroupId) &&
          covers(rule, port),
      );
    return admitted && released
      ? []
      : [`${from.node.path} cannot reach ${to.node.path} on port ${port}: a security group rule is missing.`];
  });
}

function covers(rule: { fromPort?: number | undefined; toPort?: number | undefined }, port: number): boolean {
  return (rule.fromPort ?? port) <= port && port <= (rule.toPort ?? port);
}
