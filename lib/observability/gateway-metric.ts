import { aws_cloudwatch as cw, Duration } from 'aws-cdk-lib';
import { type ApiMetricName, METRIC_DIMENSION, METRIC_NAMESPACE, type MetricName } from '../../contract/metrics.ts';

/**
 * A metric that the gateways of one deployment report. Each task adds one sample a minute, so `Average` is per
 * task and `Sum` over a minute is of the whole deployment.
 */
export function gatewayMetric(
  deploymentId: string,
  metricName: MetricName | ApiMetricName,
  statistic: string,
  period: Duration = Duration.minutes(1),
): cw.Metric {
  return new cw.Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [METRIC_DIMENSION]: deploymentId },
    statistic,
    period,
  });
}
