import { aws_cloudwatch as cw, Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { FUNCTION_DIMENSION, FunctionMetricName, METRIC_NAMESPACE, VERSION_DIMENSION } from '../../contract/metrics.ts';
import type { NodeFunction } from './node-function.ts';

const minute = Duration.minutes(1);
/** A short outage of the store is not a fault of a version; that many refusals in a minute are. */
const REFUSALS_FOR_FAILURE = 5;

/**
 * The failures of a version: it ends without a response, which is all that Lambda counts, or responds with 500, or
 * refuses one request after the other with 503. Always of the version that this template deploys.
 */
export function failureAlarm(scope: Construct, id: string, name: string, { handler, live }: NodeFunction): cw.Alarm {
  const ofVersion = (metricName: FunctionMetricName): cw.Metric =>
    new cw.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: {
        [FUNCTION_DIMENSION]: handler.functionName,
        [VERSION_DIMENSION]: handler.currentVersion.version,
      },
      statistic: cw.Stats.SUM,
      period: minute,
    });
  return new cw.Alarm(scope, id, {
    alarmDescription: `The function ${name} failed, or refused ${REFUSALS_FOR_FAILURE} requests in a minute. Runbook: function-errors.`,
    metric: new cw.MathExpression({
      label: `Failures of ${name}`,
      expression: `FILL(errors, 0) + FILL(failures, 0) + FLOOR(FILL(unavailable, 0) / ${REFUSALS_FOR_FAILURE})`,
      period: minute,
      usingMetrics: {
        errors: live.metricErrors({ statistic: cw.Stats.SUM, period: minute }),
        failures: ofVersion(FunctionMetricName.failures),
        unavailable: ofVersion(FunctionMetricName.unavailable),
      },
    }),
    threshold: 1,
    evaluationPeriods: 1,
    comparisonOperator: cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cw.TreatMissingData.NOT_BREACHING,
  });
}

/** Half of the function's own limit, for nine requests in ten: the next stage is responses that never arrive. */
export function latencyAlarm(
  scope: Construct,
  id: string,
  name: string,
  { handler, live }: NodeFunction,
  timeoutSeconds: number,
): cw.Alarm {
  return new cw.Alarm(scope, id, {
    alarmDescription: `The function ${name} takes half of its time limit for one request in ten. Runbook: function-latency.`,
    metric: new cw.Metric({
      namespace: 'AWS/Lambda',
      metricName: 'Duration',
      // Of the new version alone while the alias shifts: its share is too small to show in the whole.
      dimensionsMap: {
        FunctionName: handler.functionName,
        Resource: `${handler.functionName}:${live.aliasName}`,
        ExecutedVersion: handler.currentVersion.version,
      },
      statistic: 'p90',
      period: minute,
    }),
    threshold: (timeoutSeconds * 1000) / 2,
    evaluationPeriods: 2,
    comparisonOperator: cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cw.TreatMissingData.NOT_BREACHING,
  });
}
