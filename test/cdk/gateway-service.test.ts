import { describe, expect } from 'vitest';
import { checkDecisions } from './support/decisions.ts';
import { environment, SERVICE, setEnvironment } from './support/gateway-template.ts';
import { resourceOf, resourcesOf, type TemplateJson } from './support/synthesis.ts';

describe('the service', () => {
  checkDecisions([
    {
      name: 'does not kill tasks to spread them over the zones',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.AvailabilityZoneRebalancing).toBe('DISABLED'),
      undo: (t) => {
        delete resourceOf(t, SERVICE).Properties.AvailabilityZoneRebalancing;
      },
    },
    {
      name: 'leaves the number of tasks to autoscaling',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties).not.toHaveProperty('DesiredCount'),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DesiredCount = 2;
      },
    },
    {
      name: 'rolls back a failed deployment, also by alarm',
      holds: (t) => {
        const { DeploymentCircuitBreaker, Alarms } = resourceOf(t, SERVICE).Properties.DeploymentConfiguration;
        expect(DeploymentCircuitBreaker).toEqual({ Enable: true, Rollback: true });
        expect(Alarms).toMatchObject({ Enable: true, Rollback: true });
        expect(Alarms.AlarmNames).toHaveLength(2);
      },
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback = false;
      },
    },
    {
      name: 'never has less than all of its tasks during a deployment',
      holds: (t) =>
        expect(resourceOf(t, SERVICE).Properties.DeploymentConfiguration).toMatchObject({
          MinimumHealthyPercent: 100,
          // Of two tasks, one at a time.
          MaximumPercent: 150,
        }),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MinimumHealthyPercent = 50;
      },
    },
    {
      name: 'deploys in waves of a quarter, however many tasks run',
      props: { scaling: { minTasks: 4 } },
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MaximumPercent).toBe(125),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.DeploymentConfiguration.MaximumPercent = 200;
      },
    },
    {
      name: 'keeps its service when spot capacity is set later: it has a strategy from the start, and no launch type',
      holds: (t) => {
        const { CapacityProviderStrategy: strategy, LaunchType } = resourceOf(t, SERVICE).Properties;
        expect(LaunchType).toBeUndefined();
        expect(strategy).toEqual([
          { CapacityProvider: 'FARGATE', Weight: 100, Base: 1 },
          { CapacityProvider: 'FARGATE_SPOT', Weight: 0 },
        ]);
      },
      undo: (t) => {
        delete resourceOf(t, SERVICE).Properties.CapacityProviderStrategy;
        resourceOf(t, SERVICE).Properties.LaunchType = 'FARGATE';
      },
    },
    {
      name: 'waits for its routes, its endpoints, the rights of its execution role and the way to the store',
      holds: (t) => {
        const needed = Object.entries(t.Resources).filter(
          ([id, one]) =>
            one.Type === 'AWS::EC2::Route' ||
            one.Type === 'AWS::EC2::VPCEndpoint' ||
            (one.Type === 'AWS::IAM::Policy' && id.includes('ExecutionRole')) ||
            (one.Type === 'AWS::EC2::SecurityGroupIngress' && /EndpointGroup|StoreGroup/.test(id)),
        );
        const types = new Set(needed.map(([, one]) => one.Type));
        expect(types.size).toBe(4);
        const awaited = resourceOf(t, SERVICE).DependsOn ?? [];
        const s3 = ([, one]: (typeof needed)[number]): boolean => one.Properties.VpcEndpointType === 'Gateway';
        expect(needed.filter((one) => !s3(one) && !awaited.includes(one[0])).map(([id]) => id)).toEqual([]);
      },
      undo: (t) => {
        resourceOf(t, SERVICE).DependsOn = [];
      },
    },
    {
      name: 'cannot be entered',
      holds: (t) => expect(resourceOf(t, SERVICE).Properties.EnableExecuteCommand).toBe(false),
      undo: (t) => {
        resourceOf(t, SERVICE).Properties.EnableExecuteCommand = true;
      },
    },
  ]);
});

describe('autoscaling', () => {
  const policies = (t: TemplateJson) => resourcesOf(t, 'AWS::ApplicationAutoScaling::ScalingPolicy');
  const tracking = (t: TemplateJson) =>
    policies(t).flatMap((policy) => policy.Properties.TargetTrackingScalingPolicyConfiguration ?? []);
  checkDecisions([
    {
      name: 'starts tasks at 20,000 connections each, or at 55 % of CPU, and takes none away for it',
      holds: (t) => {
        expect(
          tracking(t)
            .map((one) => one.TargetValue)
            .sort(),
        ).toEqual([20_000, 55]);
        expect(tracking(t).map((one) => one.DisableScaleIn)).toEqual([true, true]);
        const custom = tracking(t).find((one) => one.CustomizedMetricSpecification);
        expect(custom?.CustomizedMetricSpecification).toMatchObject({
          Namespace: 'FrontTcp',
          MetricName: 'Connections',
          Statistic: 'Average',
          Dimensions: [{ Name: 'Deployment', Value: environment(t).METRICS_DEPLOYMENT }],
        });
      },
      undo: (t) => setEnvironment(t, 'METRICS_DEPLOYMENT', 'another'),
    },
    {
      name: 'takes one task away at a time, slowly',
      holds: (t) => {
        const step = policies(t).find((policy) => policy.Properties.StepScalingPolicyConfiguration);
        expect(step?.Properties.StepScalingPolicyConfiguration).toMatchObject({
          AdjustmentType: 'ChangeInCapacity',
          Cooldown: 900,
          StepAdjustments: [{ ScalingAdjustment: -1 }],
        });
      },
      undo: (t) => {
        for (const policy of policies(t)) {
          const step = policy.Properties.StepScalingPolicyConfiguration;
          if (step) step.StepAdjustments[0].ScalingAdjustment = -5;
        }
      },
    },
    {
      name: 'takes a task away only while connections and CPU are both low, and none is at its minimum',
      holds: (t) => {
        const alarm = resourcesOf(t, 'AWS::CloudWatch::Alarm').find((one) =>
          JSON.stringify(one.Properties.Metrics ?? []).includes('IF(reports'),
        );
        const [expression] = alarm?.Properties.Metrics.filter((one: { Expression?: string }) => one.Expression) ?? [];
        // Nobody is connected, and nobody works: at two tasks, the minimum, there is still nothing to do.
        const isSpare = (reports: number, connections: number, cpu: number): boolean =>
          new Function(
            'reports',
            'connections',
            'cpu',
            `return ${expression.Expression.replace('IF', '').replaceAll('AND', '&&').replace(', 1, 0', ' ? 1 : 0')}`,
          )(reports, connections, cpu) === 1;
        expect(isSpare(2, 0, 0)).toBe(false);
        expect(isSpare(3, 5_999, 15)).toBe(true);
        expect(isSpare(3, 6_000, 15)).toBe(false);
        expect(isSpare(3, 5_999, 60)).toBe(false);
        expect(alarm?.Properties).toMatchObject({
          Threshold: 1,
          ComparisonOperator: 'GreaterThanOrEqualToThreshold',
          EvaluationPeriods: 15,
        });
      },
      undo: (t) => {
        for (const alarm of resourcesOf(t, 'AWS::CloudWatch::Alarm')) {
          for (const metric of alarm.Properties.Metrics ?? []) {
            if (metric.Expression) metric.Expression = metric.Expression.replace(/ AND cpu < \d+/, '');
          }
        }
      },
    },
    {
      name: 'never goes below two tasks',
      holds: (t) => expect(resourceOf(t, 'AWS::ApplicationAutoScaling::ScalableTarget').Properties.MinCapacity).toBe(2),
      undo: (t) => {
        resourceOf(t, 'AWS::ApplicationAutoScaling::ScalableTarget').Properties.MinCapacity = 1;
      },
    },
  ]);
});
