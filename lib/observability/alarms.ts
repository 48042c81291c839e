import { aws_cloudwatch as cw, Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { MetricName } from '../../contract/metrics.ts';
import type { GatewayService } from '../gateway/gateway-service.ts';
import type { HttpApi } from '../http/http-api.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { gatewayMetric } from './gateway-metric.ts';

interface AlarmsProps {
  readonly gateways: GatewayService;
  readonly api: HttpApi;
  readonly store: RedisStore;
  readonly deploymentId: string;
  /** Gets a message when an alarm fires, and when it is over. */
  readonly actions: readonly cw.IAlarmAction[];
}

interface AlarmRow {
  readonly id: string;
  /** The fault behind the alarm, for the engineer on call. */
  readonly means: string;
  /** The entry of the runbook. */
  readonly runbook: string;
  readonly metric: cw.IMetric;
  readonly threshold: number;
  /** Minutes in a row. */
  readonly minutes: number;
  /** Silence is itself the alarm. */
  readonly missingIsBad?: boolean;
}

const { SUM, MAXIMUM, SAMPLE_COUNT } = cw.Stats;
const minute = Duration.minutes(1);
const MIN_CONNECTIONS_FOR_DROP = 100;

/** Each alarm is at or over its threshold. Normal effects of a deployment do not cause alarms. */
export class Alarms extends Construct {
  readonly all: readonly cw.Alarm[];
  /** The alarms that roll back a deployment of the gateways. */
  readonly ofDeployment: readonly cw.Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const alarms = new Map<string, cw.Alarm>();
    const rows = [
      ...gatewayRows(props),
      ...upstreamRows(props),
      ...loadBalancerRows(props),
      ...apiRows(props),
      ...storeRows(props),
    ];
    for (const row of rows) alarms.set(row.id, this.#create(row));
    this.all = [...alarms.values(), ...props.api.functionAlarms];
    // Created before the gateways, it would fire during every first deployment.
    alarms.get('GatewaysSilent')?.node.addDependency(props.gateways.service);
    this.ofDeployment = ['UnhealthyTargets', 'OldestUndelivered'].flatMap((name) => alarms.get(name) ?? []);
    for (const alarm of this.all) {
      alarm.addAlarmAction(...props.actions);
      alarm.addOkAction(...props.actions);
    }
  }

  #create(row: AlarmRow): cw.Alarm {
    return new cw.Alarm(this, row.id, {
      alarmDescription: `${row.means} Runbook: ${row.runbook}.`,
      metric: row.metric,
      threshold: row.threshold,
      evaluationPeriods: row.minutes,
      comparisonOperator: cw.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: row.missingIsBad ? cw.TreatMissingData.BREACHING : cw.TreatMissingData.NOT_BREACHING,
    });
  }
}

function gatewayRows({ deploymentId }: AlarmsProps): AlarmRow[] {
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

/** Only with an upstream function. */
function upstreamRows({ gateways: { upstream }, deploymentId }: AlarmsProps): AlarmRow[] {
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

function loadBalancerRows({ gateways }: AlarmsProps): AlarmRow[] {
  const { loadBalancer } = gateways;
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

function apiRows({ api }: AlarmsProps): AlarmRow[] {
  return [
    {
      id: 'ApiErrors',
      means: 'The HTTP API returns 5xx.',
      runbook: 'api-errors',
      metric: api.api.metricServerError({ statistic: SUM, period: minute }),
      threshold: 5,
      minutes: 3,
    },
    {
      id: 'FunctionThrottles',
      means: 'Calls were refused: the concurrency of the account in this region is used up.',
      runbook: 'function-throttles',
      // Of all functions of the account, whose concurrency they share; an expression may not read more than ten metrics.
      metric: new cw.Metric({ namespace: 'AWS/Lambda', metricName: 'Throttles', statistic: SUM, period: minute }),
      threshold: 1,
      minutes: 2,
    },
  ];
}

function storeRows({ store }: AlarmsProps): AlarmRow[] {
  const { memoryPercent, enginePercent } = store.gauges;
  return [
    ...(memoryPercent
      ? [
          {
            id: 'StoreMemory',
            means: 'The store is four fifths full; when it is full it refuses messages.',
            runbook: 'store-memory',
            metric: memoryPercent,
            threshold: 80,
            minutes: 5,
          },
        ]
      : []),
    ...(enginePercent
      ? [
          {
            id: 'StoreCpu',
            means: "The store's one thread is busy four fifths of the time.",
            runbook: 'store-cpu',
            metric: enginePercent,
            threshold: 80,
            minutes: 5,
          },
        ]
      : []),
  ];
}
