import { aws_cloudwatch as cw } from 'aws-cdk-lib';
import type { GatewayService } from '../../gateway/gateway-service.ts';
import { type AlarmRow, minute } from './alarm-row.ts';

const { SUM, MAXIMUM } = cw.Stats;

export function loadBalancerRows({ loadBalancer }: GatewayService): AlarmRow[] {
  const { balancer } = loadBalancer;
  const unhealthy = loadBalancer.metrics('UnHealthyHostCount', MAXIMUM, minute);
  return [
    {
      id: 'UnhealthyTargets',
      means: 'A gateway fails its health checks.',
      runbook: 'unhealthy-targets',
      metric: highestOf('Unhealthy targets', unhealthy),
      threshold: 1,
      minutes: 3,
    },
    {
      id: 'PortAllocationErrors',
      means: 'The load balancer has no port left towards a gateway: new clients cannot connect.',
      runbook: 'port-allocation-errors',
      metric: balancer.metrics.custom('PortAllocationErrorCount', { statistic: SUM, period: minute }),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'RejectedFlows',
      means: 'The load balancer turns clients away.',
      runbook: 'rejected-flows',
      metric: balancer.metrics.custom('RejectedFlowCount', { statistic: SUM, period: minute }),
      threshold: 100,
      minutes: 3,
    },
  ];
}

/** One metric as it is; of several, the worst. */
function highestOf(label: string, metrics: readonly cw.IMetric[]): cw.IMetric {
  const [only, ...others] = metrics;
  if (only && others.length === 0) return only;
  return new cw.MathExpression({
    label,
    expression: `MAX([${metrics.map((_, i) => `FILL(group${i}, 0)`).join(', ')}])`,
    period: minute,
    usingMetrics: Object.fromEntries(metrics.map((metric, i) => [`group${i}`, metric])),
  });
}
