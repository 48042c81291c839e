import { aws_cloudwatch as cw, Duration } from 'aws-cdk-lib';
import { MetricName } from '../../../contract/metrics.ts';
import { gatewayMetric } from '../gateway-metric.ts';
import { type AlarmRow, minute } from './alarm-row.ts';

const { SUM, MAXIMUM, SAMPLE_COUNT } = cw.Stats;
const MIN_CONNECTIONS_FOR_DROP = 100;

export function gatewayRows(deploymentId: string): AlarmRow[] {
  const metric = (name: MetricName, statistic: string) => gatewayMetric(deploymentId, name, statistic);
  return [
    {
      id: 'GatewaysSilent',
      means: 'No gateway has reported for five minutes.',
      runbook: 'gateways-silent',
      metric: new cw.MathExpression({
        label: 'Minutes without a report',
        expression: 'IF(reports > 0, 0, 1)',
        period: minute,
        usingMetrics: { reports: metric(MetricName.connections, SAMPLE_COUNT) },
      }),
      threshold: 1,
      minutes: 5,
      missingIsBad: true,
    },
    {
      id: 'OldestUndelivered',
      means: 'A message has waited in a live inbox for a minute.',
      runbook: 'oldest-undelivered',
      metric: metric(MetricName.oldestUndelivered, MAXIMUM),
      threshold: 60,
      minutes: 3,
    },
    {
      id: 'ConnectionsDropped',
      means: 'Three connections in ten went within five minutes.',
      runbook: 'connections-dropped',
      metric: connectionsDropped(deploymentId),
      threshold: 30,
      minutes: 1,
    },
    {
      id: 'EventLoopDelay',
      means: 'A gateway is late: its event loop waits 200 ms and more.',
      runbook: 'event-loop-delay',
      metric: metric(MetricName.eventLoopDelay, MAXIMUM),
      threshold: 200,
      minutes: 3,
    },
    {
      id: 'RedisErrors',
      means: 'Gateways cannot use the store.',
      runbook: 'redis-errors',
      metric: metric(MetricName.redisErrors, SUM),
      threshold: 10,
      minutes: 2,
    },
    {
      id: 'LeaseLost',
      means: 'A gateway could not renew its lease in time and was taken for dead.',
      runbook: 'lease-lost',
      metric: metric(MetricName.leaseLosses, SUM),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'DeadLetters',
      means: 'A producer wrote something into the queue that is no command.',
      runbook: 'dead-letters',
      metric: metric(MetricName.deadLetters, SUM),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'QueueWaits',
      means: 'The public queue grows faster than the gateways take from it.',
      runbook: 'queue-waits',
      metric: metric(MetricName.queueWaiting, MAXIMUM),
      threshold: 1000,
      minutes: 3,
    },
    {
      id: 'MessagesLost',
      means: 'Mailboxes had to give messages up: they were full, or too old.',
      runbook: 'messages-lost',
      metric: metric(MetricName.messagesLost, MAXIMUM),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'MessagesRepeated',
      means: 'Clients are sent the same message in session after session, and do not take it.',
      runbook: 'messages-repeated',
      metric: metric(MetricName.messagesRepeated, MAXIMUM),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'RoutesFailing',
      means: 'Messages of clients could not be routed.',
      runbook: 'routes-failing',
      metric: metric(MetricName.routeFailures, SUM),
      threshold: 1,
      minutes: 1,
    },
    {
      id: 'InboxUnread',
      means: 'A gateway of an older version keeps records that it does not know.',
      runbook: 'inbox-unread',
      metric: metric(MetricName.inboxUnread, SUM),
      threshold: 1,
      minutes: 1,
    },
  ];
}

/** Percent lost against the five minutes before; 0 for a fleet too small to say. */
function connectionsDropped(deploymentId: string): cw.MathExpression {
  const before = '(now - DIFF(now))';
  return new cw.MathExpression({
    label: 'Connections lost in five minutes, %',
    // Each of the five minutes adds one sample a task.
    expression: `IF(${before} >= ${MIN_CONNECTIONS_FOR_DROP * 5}, -100 * DIFF(now) / ${before}, 0)`,
    period: Duration.minutes(5),
    usingMetrics: { now: gatewayMetric(deploymentId, MetricName.connections, SUM, Duration.minutes(5)) },
  });
}
