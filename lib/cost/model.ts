import { costOf, HOURS_PER_MONTH, type Price, prices } from './prices.ts';
import { assumptions as a, commandsPerMonth, MINUTES_PER_MONTH, tasksFor, type Usage } from './usage.ts';

export interface CostItem {
  readonly name: string;
  /** US dollars a month. */
  readonly monthly: number;
}

export interface Bill {
  readonly name: string;
  readonly items: readonly CostItem[];
  readonly total: number;
}

/** Of a load balancer's capacity unit, by what it is measured in. */
const NLCU = { bytesPerHour: 1e9, tcpFlows: 100_000, tlsFlows: 3_000 };

/** Our own bill for a month. */
export function frontTcpBill(usage: Usage): Bill {
  return bill('fronttcp', [
    { name: 'Load balancer', monthly: loadBalancer(usage) },
    { name: 'Gateways on Fargate', monthly: gateways(usage.clients) },
    { name: 'Data to the internet and between zones', monthly: traffic(usage) },
    { name: `Redis (${usage.redis})`, monthly: redis(usage) },
    { name: 'HTTP API, functions and access log', monthly: postPath(usage) },
    { name: 'Alarms, dashboard, metrics, secret', monthly: fixed(usage) },
  ]);
}

/** API Gateway WebSocket: a connection, a message to the client, and the same way for the sender. */
export function webSocketBill(usage: Usage): Bill {
  return bill('API Gateway WebSocket', [
    { name: 'Connection minutes', monthly: costOf(prices.webSocketMinute, usage.clients * MINUTES_PER_MONTH) },
    { name: 'Messages to clients', monthly: costOf(prices.webSocketMessage, commandsPerMonth(usage)) },
    { name: 'HTTP API, functions and access log', monthly: postPath(usage) },
  ]);
}

/** IoT Core: a connection, and each command published in by HTTPS and out to the device. */
export function iotCoreBill(usage: Usage): Bill {
  return bill('IoT Core', [
    { name: 'Connection minutes', monthly: costOf(prices.iotMinute, usage.clients * MINUTES_PER_MONTH) },
    { name: 'Messages in and out', monthly: costOf(prices.iotMessage, 2 * commandsPerMonth(usage)) },
  ]);
}

function bill(name: string, items: readonly CostItem[]): Bill {
  return { name, items, total: items.reduce((sum, item) => sum + item.monthly, 0) };
}

const hourly = (price: Price, count = 1): number => costOf(price, count * HOURS_PER_MONTH);

function bytesPerMonth({ clients, commandsPerMinute }: Usage): number {
  const perMinute = a.heartbeatsPerMinute * a.bytesPerHeartbeat + commandsPerMinute * a.bytesPerCommand;
  return clients * perMinute * MINUTES_PER_MONTH;
}

function loadBalancer(usage: Usage): number {
  const bytes = bytesPerMonth(usage) / HOURS_PER_MONTH / NLCU.bytesPerHour;
  const flows = usage.clients / (usage.tls === 'load-balancer' ? NLCU.tlsFlows : NLCU.tcpFlows);
  // The dimension that is used most is the one that is paid.
  return (
    hourly(prices.nlbHour) + hourly(prices.publicIpv4Hour, a.zones) + hourly(prices.nlcuHour, Math.max(bytes, flows))
  );
}

function gateways(clients: number): number {
  const tasks = tasksFor(clients);
  return (
    hourly(prices.fargateArmVcpuHour, tasks * a.taskVcpu) +
    hourly(prices.fargateArmGbHour, tasks * a.taskGb) +
    hourly(prices.publicIpv4Hour, tasks)
  );
}

function traffic(usage: Usage): number {
  const bytes = bytesPerMonth(usage);
  return (
    costOf(prices.internetOutByte, bytes * a.outShare) + costOf(prices.crossZoneByte, bytes * a.crossZoneShare * 2)
  );
}

function redis(usage: Usage): number {
  const commands = commandsPerMonth(usage);
  switch (usage.redis) {
    case 'valkey': {
      const isLarge = (usage.clients * usage.commandsPerMinute) / 60 <= a.commandsPerSecondOfLargeNode;
      return hourly(isLarge ? prices.valkeyM7gLargeHour : prices.valkeyM7gXlargeHour, 2);
    }
    case 'serverless': {
      const gigabytes = Math.max(0.1, (usage.clients * a.redisBytesPerClient) / 1e9);
      return hourly(prices.serverlessGbHour, gigabytes) + costOf(prices.serverlessEcpu, commands * a.ecpuPerMessage);
    }
    case 'memorydb':
      return hourly(prices.memoryDbT4gSmallHour, 2);
    case 'upstash':
      return costOf(prices.upstashCommand, commands * a.redisCommandsPerMessage);
  }
}

function postPath(usage: Usage): number {
  const requests = commandsPerMonth(usage) / usage.batch;
  const seconds = (a.functionMs + (usage.batch - 1) * a.functionMsPerFurtherCommand) / 1000;
  return (
    costOf(prices.httpApiRequest, requests) +
    costOf(prices.lambdaRequest, requests) +
    costOf(prices.lambdaArmGbSecond, requests * seconds * a.functionGb) +
    costOf(prices.logByte, requests * a.accessLogBytes)
  );
}

function fixed({ redis: kind }: Usage): number {
  // Functions in the VPC reach their secret through an endpoint in each zone.
  const endpoint = kind === 'upstash' ? 0 : hourly(prices.interfaceEndpointHour, a.zones);
  return (
    costOf(prices.alarm, a.alarmMetrics) +
    costOf(prices.customMetric, a.customMetrics) +
    costOf(prices.dashboard, 1) +
    costOf(prices.secret, 1) +
    endpoint
  );
}
