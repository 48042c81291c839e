import { describe, expect, it } from 'vitest';
import { ApiMetricName, FunctionMetricName, METRIC_NAMESPACE, MetricName } from '../../contract/metrics.ts';
import { assumptions } from '../../lib/cost/usage.ts';
import { checkDecisions } from './support/decisions.ts';
import { resourceOf, resourcesOf, type TemplateJson, templateOf } from './support/synthesis.ts';

const ALARM = 'AWS::CloudWatch::Alarm';

/** The alarms of autoscaling have descriptions of AWS. */
const alarms = (t: TemplateJson) =>
  resourcesOf(t, ALARM).filter((one) => one.Properties.AlarmDescription?.includes('Runbook: '));
const alarmOf = (t: TemplateJson, runbook: string) => {
  const found = alarms(t).find((one) => one.Properties.AlarmDescription.endsWith(`Runbook: ${runbook}.`));
  if (!found) throw new Error(`no alarm has the runbook entry ${runbook}`);
  return found.Properties;
};

describe('the alarms', () => {
  checkDecisions([
    {
      name: 'are these, each with its entry in the runbook',
      holds: (t) => {
        const entries = alarms(t).map((one) => one.Properties.AlarmDescription.match(/Runbook: ([a-z0-9-]+)\./)?.[1]);
        expect([...new Set(entries)].sort()).toEqual([
          'api-errors',
          'connections-dropped',
          'dead-letters',
          'event-loop-delay',
          'function-errors',
          'function-latency',
          'function-throttles',
          'gateways-silent',
          'inbox-unread',
          'lease-lost',
          'messages-lost',
          'messages-repeated',
          'oldest-undelivered',
          'port-allocation-errors',
          'queue-waits',
          'redis-errors',
          'rejected-flows',
          'routes-failing',
          'store-cpu',
          'store-memory',
          'unhealthy-targets',
        ]);
      },
      undo: (t) => {
        for (const one of alarms(t)) one.Properties.AlarmDescription = 'Something is wrong.';
      },
    },
    {
      name: 'treat missing data of all gateways as an alarm',
      holds: (t) =>
        expect(alarmOf(t, 'gateways-silent')).toMatchObject({ TreatMissingData: 'breaching', EvaluationPeriods: 5 }),
      undo: (t) => {
        alarmOf(t, 'gateways-silent').TreatMissingData = 'notBreaching';
      },
    },
    {
      name: 'that roll back a deployment stay quiet while there is nothing to measure',
      holds: (t) => {
        const { AlarmNames } = resourceOf(t, 'AWS::ECS::Service').Properties.DeploymentConfiguration.Alarms;
        for (const { Ref } of AlarmNames) expect(t.Resources[Ref]?.Properties.TreatMissingData).toBe('notBreaching');
      },
      undo: (t) => {
        alarmOf(t, 'oldest-undelivered').TreatMissingData = 'breaching';
      },
    },
    {
      name: 'of a function count what its new version returns with 5xx, not only what Lambda calls an error',
      holds: (t) => {
        for (const alarm of alarms(t).filter((one) => one.Properties.AlarmDescription.includes('function-errors'))) {
          const { Metrics } = alarm.Properties;
          const expression = Metrics.find((one: { Expression?: string }) => one.Expression).Expression;
          expect(expression).toBe('FILL(errors, 0) + FILL(failures, 0) + FLOOR(FILL(unavailable, 0) / 5)');
          const ofVersion = Metrics.filter(
            (one: { MetricStat?: { Metric: { Namespace: string } } }) =>
              one.MetricStat?.Metric.Namespace === METRIC_NAMESPACE,
          );
          expect(
            ofVersion.map(
              (one: { MetricStat: { Metric: { MetricName: string } } }) => one.MetricStat.Metric.MetricName,
            ),
          ).toEqual(Object.values(FunctionMetricName));
          for (const { MetricStat } of ofVersion) {
            const { Value } = MetricStat.Metric.Dimensions.find(
              (one: { Name: string }) => one.Name === 'ExecutedVersion',
            );
            expect(Value['Fn::GetAtt'][1]).toBe('Version');
          }
        }
      },
      undo: (t) => {
        for (const { Properties } of alarms(t)) {
          for (const metric of Properties.Metrics ?? []) {
            if (metric.Expression?.includes('failures')) metric.Expression = 'FILL(errors, 0)';
          }
        }
      },
    },
    {
      name: 'of missing data are created after the gateways run, so that the first deployment raises none',
      holds: (t) => {
        const [, silent] = Object.entries(t.Resources).find(([id]) => id.includes('GatewaysSilent')) ?? [];
        const [service] = Object.entries(t.Resources).find(([, one]) => one.Type === 'AWS::ECS::Service') ?? [''];
        expect(silent?.DependsOn).toContain(service);
      },
      undo: (t) => {
        for (const [id, one] of Object.entries(t.Resources)) if (id.includes('GatewaysSilent')) delete one.DependsOn;
      },
    },
    {
      name: 'have no action without a topic',
      holds: (t) => {
        for (const one of alarms(t)) expect(one.Properties.AlarmActions ?? []).toEqual([]);
      },
      undo: (t) => {
        alarmOf(t, 'api-errors').AlarmActions = ['arn:aws:sns:us-east-1:111111111111:other'];
      },
    },
    {
      name: 'watch both nodes of the store, since a failover changes which one matters',
      holds: (t) => {
        const ids = alarmOf(t, 'store-memory').Metrics.flatMap(
          (one: { MetricStat?: { Metric: { Dimensions: { Value: unknown }[] } } }) =>
            one.MetricStat?.Metric.Dimensions ?? [],
        );
        expect(JSON.stringify(ids)).toContain('-0001-001');
        expect(JSON.stringify(ids)).toContain('-0001-002');
      },
      undo: (t) => {
        alarmOf(t, 'store-memory').Metrics.pop();
      },
    },
  ]);

  it('of our own metrics use only names that a gateway reports', () => {
    const names = new Set<string>([MetricName, ApiMetricName, FunctionMetricName].flatMap((one) => Object.values(one)));
    const used = JSON.stringify(templateOf()).matchAll(
      new RegExp(`"MetricName":"(\\w+)","Namespace":"${METRIC_NAMESPACE}"`, 'g'),
    );
    const found = [...used].map((match) => match[1] ?? '');
    expect(found.length).toBeGreaterThan(6);
    for (const name of found) expect(names).toContain(name);
  });
});

it("the cost model's assumptions match the deployment", () => {
  // An alarm is paid for by the metrics that it reads.
  const metricsOf = ({ Properties: { Metrics } }: { Properties: { Metrics?: { MetricStat?: unknown }[] } }): number =>
    Metrics ? Metrics.filter((one) => one.MetricStat !== undefined).length : 1;
  const metrics = resourcesOf(templateOf(), ALARM).reduce((sum, one) => sum + metricsOf(one), 0);
  // One more function is a few more of them, and some cents: nobody's bill is wrong by that.
  expect(Math.abs(metrics - assumptions.alarmMetrics)).toBeLessThanOrEqual(10);
  // Those of the upstream function are reported only where there is one.
  const upstream = Object.values(MetricName).filter((name) => name.startsWith('Upstream'));
  const names = [...Object.values(MetricName), ...Object.values(ApiMetricName)];
  expect(names.length - upstream.length).toBe(assumptions.customMetrics);
});

describe('the dashboard', () => {
  checkDecisions([
    {
      name: 'shows the alarms first, then connections, messages, HTTP and the store',
      holds: (t) => {
        const body = JSON.stringify(resourceOf(t, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);
        for (const title of ['Alarms', 'Connections', 'Messages', 'HTTP', 'Store memory, %']) {
          expect(body).toContain(`\\"title\\":\\"${title}\\"`);
        }
      },
      undo: (t) => {
        resourceOf(t, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody = '{"widgets":[]}';
      },
    },
  ]);
});
