import {
  aws_cloudwatch as cw,
  Duration,
  type aws_ecs as ecs,
  aws_applicationautoscaling as scaling,
} from 'aws-cdk-lib';
import { MetricName } from '../../contract/metrics.ts';
import { gatewayMetric } from '../observability/gateway-metric.ts';
import { DEFAULT_CONNECTIONS_PER_TASK, type ScalingSettings } from './gateway-settings.ts';

/** Below this share of the target, for a quarter of an hour, one task goes. */
const QUIET_SHARE = 0.3;

/**
 * Out on connections per task or CPU, at once; in by one task at a time after a long quiet, because every task
 * that goes makes its clients reconnect. The load balancer places new connections only, so the gateways shed
 * what they hold above the mean, paced, until a new task has its share.
 */
export function scaleGateways(service: ecs.FargateService, settings: ScalingSettings, deploymentId: string): void {
  const perTask = settings.connectionsPerTask ?? DEFAULT_CONNECTIONS_PER_TASK;
  const tasks = service.autoScaleTaskCount({
    minCapacity: settings.minTasks ?? 2,
    maxCapacity: settings.maxTasks ?? 20,
  });
  // Each task reports once a minute under one dimension: the average is per task.
  const connections = gatewayMetric(deploymentId, MetricName.connections, cw.Stats.AVERAGE);
  tasks.scaleToTrackCustomMetric('Connections', {
    metric: connections,
    targetValue: perTask,
    scaleOutCooldown: Duration.minutes(1),
    disableScaleIn: true,
  });
  tasks.scaleOnCpuUtilization('Cpu', {
    targetUtilizationPercent: settings.cpuPercent ?? 55,
    scaleOutCooldown: Duration.minutes(1),
    disableScaleIn: true,
  });
  const quiet = Math.floor(perTask * QUIET_SHARE);
  tasks.scaleOnMetric('Quiet', {
    metric: connections,
    adjustmentType: scaling.AdjustmentType.CHANGE_IN_CAPACITY,
    evaluationPeriods: 15,
    datapointsToAlarm: 15,
    cooldown: Duration.minutes(15),
    scalingSteps: [
      { upper: quiet, change: -1 },
      { lower: quiet, change: 0 },
    ],
  });
}
