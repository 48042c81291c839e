import { aws_elasticloadbalancingv2 as elb, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const boolean = /^(true|false)$/;
const seconds = /^\d{1,4}$/;
const count = /^(off|[1-9]\d*)$/;
const percentage = /^(off|[1-9]\d?|100)$/;

/** The attributes that a target group of a network load balancer has, with the form of their values. */
const ATTRIBUTES: Readonly<Record<string, RegExp>> = {
  'deregistration_delay.timeout_seconds': seconds,
  'deregistration_delay.connection_termination.enabled': boolean,
  'load_balancing.cross_zone.enabled': /^(true|false|use_load_balancer_configuration)$/,
  'preserve_client_ip.enabled': boolean,
  'proxy_protocol_v2.enabled': boolean,
  'stickiness.enabled': boolean,
  'stickiness.type': /^source_ip$/,
  'target_group_health.dns_failover.minimum_healthy_targets.count': count,
  'target_group_health.dns_failover.minimum_healthy_targets.percentage': percentage,
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': /^[1-9]\d*$/,
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': percentage,
  'target_health_state.unhealthy.connection_termination.enabled': boolean,
  'target_health_state.unhealthy.draining_interval_seconds': seconds,
};

const UNHEALTHY_TERMINATION = 'target_health_state.unhealthy.connection_termination.enabled';
const DRAINING_INTERVAL = 'target_health_state.unhealthy.draining_interval_seconds';

/** Neither the CDK nor its validator knows the attributes' names: a misspelt one fails, or is ignored, at deployment. */
function targetAttributeProblems(attributes: Readonly<Record<string, string>>): string[] {
  const problems = Object.entries(attributes).flatMap(([key, value]) => {
    const form = ATTRIBUTES[key];
    if (!form) return [`The target group attribute ${key} does not exist for a network load balancer.`];
    return form.test(value) ? [] : [`The target group attribute ${key} cannot be "${value}".`];
  });
  if (attributes[UNHEALTHY_TERMINATION] !== 'false') {
    problems.push(
      `${UNHEALTHY_TERMINATION} must be "false": otherwise one failed health check cuts every connection of the target.`,
    );
    if (attributes[DRAINING_INTERVAL] !== undefined) {
      problems.push(`${DRAINING_INTERVAL} is only allowed while ${UNHEALTHY_TERMINATION} is "false".`);
    }
  }
  if (attributes['proxy_protocol_v2.enabled'] === 'true' && attributes['preserve_client_ip.enabled'] === 'true') {
    problems.push('A target group either preserves the client address or sends it by PROXY protocol, not both.');
  }
  return problems;
}

/** The same for the target groups below `root` as they will be in the template. */
export function targetAttributesBelow(root: IConstruct): string[] {
  return root.node.findAll().flatMap((construct) => {
    if (!(construct instanceof elb.CfnTargetGroup)) return [];
    const attributes = (Stack.of(construct).resolve(construct.targetGroupAttributes) ?? []) as readonly Attribute[];
    return targetAttributeProblems(Object.fromEntries(attributes.map(({ key, value }) => [key, String(value)])));
  });
}

interface Attribute {
  readonly key: string;
  readonly value: unknown;
}
