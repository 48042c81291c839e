import {
  aws_cloudwatch as cw,
  Duration,
  type aws_ecs as ecs,
  aws_applicationautoscaling as scaling,
} from 'aws-cdk-lib';
import { MetricName } from '../../contract/metrics.ts';
import { gatewayMetric } from '../observability/gateway-metric.ts';
import {
  DEFAULT_CONNECTIONS_PER_TASK,
  DEFAULT_CPU_PERCENT,
  DEFAULT_MAX_TASKS,
  DEFAULT_MIN_TASKS,
  type ScalingSettings,
} from './gateway-settings.ts';

/** Below this share of both targets, for a quarter of an hour, one task goes. */
const QUIET_SHARE = 0.3;
const minute = Duration.minutes(1);

/**
 * Out on connections per task or CPU, at once; in by one task at a time after a long quiet, because every task
 * that goes makes its clients reconnect. The load balancer places new connections only, so the gateways shed
 * what they hold above the mean, paced, until a new task has its share.
 */
export function scaleGateways(service: ecs.FargateService, settings: ScalingSettings, deploymentId: string): void {
  const perTask = settings.connectionsPerTask ?? DEFAULT_CONNECTIONS_PER_TASK;
  const cpuPercent = settings.cpuPercent ?? DEFAULT_CPU_PERCENT;
  const minTasks = settings.minTasks ?? DEFAULT_MIN_TASKS;
  const tasks = service.autoScaleTaskCount({
    minCapacity: minTasks,
    maxCapacity: settings.maxTasks ?? DEFAULT_MAX_TASKS,
  });
  // Each task reports once a minute under one dimension: the average is per task.
  const connections = gatewayMetric(deploymentId, MetricName.connections, cw.Stats.AVERAGE);
  tasks.scaleToTrackCustomMetric('Connections', {
    metric: connections,
    targetValue: perTask,
    scaleOutCooldown: minute,
    disableScaleIn: true,
  });
  tasks.scaleOnCpuUtilization('Cpu', {
    targetUtilizationPercent: cpuPercent,
    scaleOutCooldown: minute,
    disableScaleIn: true,
  });
  tasks.scaleOnMetric('Quiet', {
    metric: new cw.MathExpression({
      label: 'A task can go',
      // Few connections at a high CPU do not count as quiet: otherwise scaling out and in would alternate. At the minimum no task can go.
      expression: `IF(reports > ${minTasks} AND connections < ${Math.floor(perTask * QUIET_SHARE)} AND cpu < ${Math.floor(cpuPercent * QUIET_SHARE)}, 1, 0)`,
      period: minute,
      usingMetrics: {
        reports: gatewayMetric(deploymentId, MetricName.connections, cw.Stats.SAMPLE_COUNT),
        connections,
        cpu: service.metricCpuUtilization({ statistic: cw.Stats.AVERAGE, period: minute }) as cw.IMetric,
      },
    }),
    adjustmentType: scaling.AdjustmentType.CHANGE_IN_CAPACITY,
    evaluationPeriods: 15,
    datapointsToAlarm: 15,
    cooldown: Duration.minutes(15),
    scalingSteps: [
      { upper: 0, change: 0 },
      { lower: 1, change: -1 },
    ],
  });
}
