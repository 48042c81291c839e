import { costOf, HOURS_PER_MONTH, type Price, prices } from './prices.ts';
import { assumptions as a, commandsPerMonth, MINUTES_PER_MONTH, tasksFor, type Usage } from './usage.ts';

interface CostItem {
  readonly name: string;
  /** US dollars a month. */
  readonly monthly: number;
}

export interface Bill {
  readonly name: string;
  readonly items: readonly CostItem[];
  readonly total: number;
}

/** Discount of Fargate Spot; from memory, and it varies. */
const SPOT_DISCOUNT = 0.7;

/** The dimensions of a load balancer's capacity unit. */
const NLCU = { bytesPerHour: 1e9, tcpFlows: 100_000, tlsFlows: 3_000 };

/** Our own bill for a month. */
export function frontTcpBill(usage: Usage): Bill {
  return bill('fronttcp', [
    { name: 'Load balancer', monthly: loadBalancer(usage) },
    { name: 'Gateways on Fargate', monthly: gateways(usage) },
    { name: 'Data to the internet and between zones', monthly: traffic(usage) },
    { name: `Redis (${usage.redis})`, monthly: redis(usage) },
    { name: 'HTTP API, functions and access log', monthly: postPath(usage) },
    { name: 'Alarms, dashboard, metrics, secret', monthly: fixed(usage) },
    { name: 'CloudFront and web ACL', monthly: usage.firewall ? firewall(usage) : 0 },
    { name: 'X-Ray traces', monthly: usage.tracing ? costOf(prices.xrayTrace, requestsPerMonth(usage)) : 0 },
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

function bytesPerMonth({ clients, commandsPerMinute, heartbeatSeconds }: Usage): number {
  const perMinute = (60 / heartbeatSeconds) * a.bytesPerHeartbeat + commandsPerMinute * a.bytesPerCommand;
  return clients * perMinute * MINUTES_PER_MONTH;
}

function loadBalancer(usage: Usage): number {
  const bytes = bytesPerMonth(usage) / HOURS_PER_MONTH / NLCU.bytesPerHour;
  const flows = usage.clients / (usage.tls === 'load-balancer' ? NLCU.tlsFlows : NLCU.tcpFlows);
  // The most used dimension is charged.
  return (
    hourly(prices.nlbHour) + hourly(prices.publicIpv4Hour, a.zones) + hourly(prices.nlcuHour, Math.max(bytes, flows))
  );
}

function gateways({ clients, connectionsPerTask, spotPercent, egress }: Usage): number {
  const tasks = tasksFor(clients, connectionsPerTask);
  // The first one is never on spot capacity.
  const onSpot = ((tasks - 1) * spotPercent) / 100;
  const compute = (count: number): number =>
    hourly(prices.fargateArmVcpuHour, count * a.taskVcpu) + hourly(prices.fargateArmGbHour, count * a.taskGb);
  return compute(tasks - onSpot) + compute(onSpot) * (1 - SPOT_DISCOUNT) + wayOut(egress, tasks);
}

/** How tasks reach AWS: an address each, one gateway for all, or endpoints. */
function wayOut(egress: Usage['egress'], tasks: number): number {
  if (egress === 'public-ip') return hourly(prices.publicIpv4Hour, tasks);
  if (egress === 'nat') return hourly(prices.natGatewayHour) + hourly(prices.publicIpv4Hour);
  return hourly(prices.interfaceEndpointHour, (a.isolatedEndpoints - 1) * a.zones);
}

function traffic(usage: Usage): number {
  const bytes = bytesPerMonth(usage);
  const between = usage.crossZone ? bytes * a.crossZoneShare * 2 : 0;
  return costOf(prices.internetOutByte, bytes * a.outShare) + costOf(prices.crossZoneByte, between);
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

const requestsPerMonth = (usage: Usage): number => commandsPerMonth(usage) / usage.batch;

function postPath(usage: Usage): number {
  const requests = requestsPerMonth(usage);
  const seconds = (a.functionMs + (usage.batch - 1) * a.functionMsPerFurtherCommand) / 1000;
  return (
    costOf(prices.httpApiRequest, requests) +
    costOf(prices.lambdaRequest, requests) +
    costOf(prices.lambdaArmGbSecond, requests * seconds * a.functionGb) +
    costOf(prices.logByte, requests * a.accessLogBytes)
  );
}

/** The bytes of responses are not counted, neither here nor for the API: responses to commands are small. */
function firewall(usage: Usage): number {
  const requests = requestsPerMonth(usage);
  return (
    costOf(prices.webAcl, 1) +
    costOf(prices.webAclRule, a.webAclRules) +
    costOf(prices.secret, 1) +
    [prices.webAclRequest, prices.cloudFrontRequest, prices.cloudFrontFunction].reduce(
      (sum, price) => sum + costOf(price, requests),
      0,
    )
  );
}

function fixed({ redis: kind, egress }: Usage): number {
  // Functions in the VPC reach their secret through an endpoint in each zone, or through the NAT gateway.
  const endpoint = kind === 'upstash' || egress === 'nat' ? 0 : hourly(prices.interfaceEndpointHour, a.zones);
  return (
    costOf(prices.alarm, a.alarmMetrics) +
    costOf(prices.customMetric, a.customMetrics) +
    costOf(prices.dashboard, 1) +
    costOf(prices.secret, 1) +
    endpoint
  );
}
