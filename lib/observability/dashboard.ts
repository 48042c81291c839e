import { aws_cloudwatch as cw, Duration, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ApiMetricName, MetricName } from '../../contract/metrics.ts';
import type { GatewayService } from '../gateway/gateway-service.ts';
import type { HttpApi } from '../http/http-api.ts';
import type { RedisStore } from '../redis/redis-store.ts';
import { gatewayMetric } from './gateway-metric.ts';

interface DashboardProps {
  readonly gateways: GatewayService;
  readonly api: HttpApi;
  readonly store: RedisStore;
  readonly alarms: readonly cw.Alarm[];
  readonly deploymentId: string;
}

const { SUM, MAXIMUM, AVERAGE } = cw.Stats;

/** From the outside in: alarms, connections, messages, HTTP, store. */
export class Dashboard extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const dashboard = new cw.Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.hours(3),
      widgets: [
        [new cw.AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 3 })],
        connectionRow(props),
        messageRow(props),
        ...upstreamRow(props),
        httpRow(props),
        storeRow(props),
      ],
    });
    const { region } = Stack.of(this);
    this.url = `https://${consoleHost(region)}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`;
  }
}

/** Of a region that is known at synthesis; else that of the partition `aws`. */
function consoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`;
  return region.startsWith('us-gov-') ? 'console.amazonaws-us-gov.com' : `${region}.console.aws.amazon.com`;
}

function graph(title: string, left: readonly cw.IMetric[], right: readonly cw.IMetric[] = []): cw.GraphWidget {
  return new cw.GraphWidget({ title, left: [...left], right: [...right], width: 8, height: 6 });
}

function connectionRow({ deploymentId, gateways }: DashboardProps): cw.IWidget[] {
  const metric = (name: MetricName, statistic: string) => gatewayMetric(deploymentId, name, statistic);
  const { loadBalancer } = gateways;
  const { balancer } = loadBalancer;
  return [
    graph(
      'Connections',
      [metric(MetricName.connections, SUM), metric(MetricName.sessions, SUM)],
      [metric(MetricName.accepts, SUM)],
    ),
    graph('Connections per task', [metric(MetricName.connections, AVERAGE), metric(MetricName.connections, MAXIMUM)]),
    graph(
      'Resets and targets',
      [
        balancer.metrics.tcpClientResetCount(),
        balancer.metrics.tcpTargetResetCount(),
        balancer.metrics.tcpElbResetCount(),
      ],
      [
        ...loadBalancer.metrics('HealthyHostCount', AVERAGE, Duration.minutes(5)),
        ...loadBalancer.metrics('UnHealthyHostCount', AVERAGE, Duration.minutes(5)),
      ],
    ),
  ];
}

function messageRow({ deploymentId }: DashboardProps): cw.IWidget[] {
  const metric = (name: MetricName, statistic: string) => gatewayMetric(deploymentId, name, statistic);
  return [
    graph(
      'Messages',
      [metric(MetricName.delivered, SUM), metric(MetricName.framesIn, SUM)],
      [
        metric(MetricName.deadLetters, SUM),
        metric(MetricName.messagesLost, MAXIMUM),
        metric(MetricName.messagesRepeated, MAXIMUM),
        metric(MetricName.queueWaiting, MAXIMUM),
      ],
    ),
    graph(
      'Delivery, ms',
      [metric(MetricName.deliveryLatency, 'p50'), metric(MetricName.deliveryLatency, 'p99')],
      [metric(MetricName.oldestUndelivered, MAXIMUM)],
    ),
    graph('Trouble', [
      metric(MetricName.authFailures, SUM),
      metric(MetricName.heartbeatTimeouts, SUM),
      metric(MetricName.slowReaders, SUM),
      metric(MetricName.redisErrors, SUM),
    ]),
  ];
}

function upstreamRow({ deploymentId, gateways: { upstream } }: DashboardProps): cw.IWidget[][] {
  if (upstream === undefined) return [];
  const metric = (name: MetricName) => gatewayMetric(deploymentId, name, SUM);
  const { deadLetters } = upstream;
  const waiting = deadLetters ? [deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: MAXIMUM })] : [];
  return [
    [graph('Upstream function', [metric(MetricName.upstreamFailures), metric(MetricName.upstreamThrottles)], waiting)],
  ];
}

function httpRow({ api, deploymentId }: DashboardProps): cw.IWidget[] {
  const send = api.functions.get('send-command');
  return [
    graph(
      'HTTP',
      [api.api.metricCount(), gatewayMetric(deploymentId, ApiMetricName.commands, SUM)],
      [
        api.api.metricClientError(),
        api.api.metricServerError(),
        gatewayMetric(deploymentId, ApiMetricName.unavailable, SUM),
      ],
    ),
    graph('HTTP latency, ms', [
      api.api.metricLatency({ statistic: 'p50' }),
      api.api.metricLatency({ statistic: 'p99' }),
    ]),
    graph(
      'Function send-command',
      send ? [send.handler.metricDuration({ statistic: 'p99' })] : [],
      send ? [send.handler.metricErrors(), send.handler.metricThrottles()] : [],
    ),
  ];
}

function storeRow({ store, gateways, deploymentId }: DashboardProps): cw.IWidget[] {
  const { memoryPercent, enginePercent } = store.gauges;
  return [
    ...(memoryPercent ? [graph('Store memory, %', [memoryPercent])] : []),
    ...(enginePercent ? [graph('Store engine CPU, %', [enginePercent])] : []),
    graph(
      'Gateway CPU and memory, %',
      [gateways.service.metricCpuUtilization(), gateways.service.metricMemoryUtilization()],
      [gatewayMetric(deploymentId, MetricName.eventLoopDelay, MAXIMUM)],
    ),
  ];
}
