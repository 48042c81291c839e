import { aws_cloudwatch as cw } from 'aws-cdk-lib';
import type { HttpApi } from '../../http/http-api.ts';
import { type AlarmRow, minute } from './alarm-row.ts';

const { SUM } = cw.Stats;

export function apiRows({ api }: HttpApi): AlarmRow[] {
  return [
    {
      id: 'ApiErrors',
      means: 'The HTTP API returns 5xx.',
      runbook: 'api-errors',
      metric: api.metricServerError({ statistic: SUM, period: minute }),
      threshold: 5,
      minutes: 3,
    },
    {
      id: 'FunctionThrottles',
      means:
        'Some function of the account was throttled: by the concurrency of the account in this region, or by its own reserved one.',
      runbook: 'function-throttles',
      // Of all functions of the account, whose concurrency they share; an expression may not read more than ten metrics.
      metric: new cw.Metric({ namespace: 'AWS/Lambda', metricName: 'Throttles', statistic: SUM, period: minute }),
      threshold: 1,
      minutes: 2,
    },
  ];
}
