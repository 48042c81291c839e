import { aws_cloudwatch as cw } from 'aws-cdk-lib';
import { MetricName } from '../../../contract/metrics.ts';
import type { GatewayService } from '../../gateway/gateway-service.ts';
import { gatewayMetric } from '../gateway-metric.ts';
import { type AlarmRow, minute } from './alarm-row.ts';

const { SUM, MAXIMUM } = cw.Stats;

/** Only with an upstream function. */
export function upstreamRows({ upstream }: GatewayService, deploymentId: string): AlarmRow[] {
  if (upstream === undefined) return [];
  return [
    {
      id: 'UpstreamFailing',
      means: 'The upstream function refuses or fails.',
      runbook: 'upstream-failing',
      metric: gatewayMetric(deploymentId, MetricName.upstreamFailures, SUM),
      threshold: 10,
      minutes: 2,
    },
    ...(upstream.deadLetters
      ? [
          {
            id: 'UpstreamDeadLetters',
            means: 'The upstream function failed three times at the same batch: it is in the queue for that.',
            runbook: 'upstream-dead-letters',
            metric: upstream.deadLetters.metricApproximateNumberOfMessagesVisible({
              statistic: MAXIMUM,
              period: minute,
            }),
            threshold: 1,
            minutes: 1,
          },
        ]
      : []),
  ];
}
