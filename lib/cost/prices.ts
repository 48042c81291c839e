/**
 * List prices of us-east-1 in US dollars, without free tiers, savings plans or tax.
 * `source` says how far to trust a number: `price-list` was checked against AWS's price list or the seller's own page,
 * `third-party` is from another page, `recalled` could not be checked when it was written down.
 */
export const PRICES_DATE = '2026-11-22';
export const HOURS_PER_MONTH = 730;

type Source = 'price-list' | 'third-party' | 'recalled';

/** A quantity up to `upTo` costs `price` for each `per`; the tier after it begins there. */
interface Tier {
  readonly upTo: number;
  readonly price: number;
}

export interface Price {
  readonly what: string;
  readonly source: Source;
  readonly tiers: readonly Tier[];
  /** Units that `price` is for. */
  readonly per: number;
}

const ONE_MILLION = 1_000_000;
const GB = 1_000_000_000;

const flat = (what: string, price: number, source: Source, per = 1): Price => ({
  what,
  source,
  per,
  tiers: [{ upTo: Number.POSITIVE_INFINITY, price }],
});
const tiered = (what: string, source: Source, per: number, tiers: readonly Tier[]): Price => ({
  what,
  source,
  per,
  tiers,
});

export const prices = {
  fargateArmVcpuHour: flat('Fargate ARM, vCPU hour', 0.03238, 'third-party'),
  fargateArmGbHour: flat('Fargate ARM, GB hour', 0.00356, 'third-party'),
  publicIpv4Hour: flat('Public IPv4 address, hour', 0.005, 'third-party'),
  nlbHour: flat('Network load balancer, hour', 0.0225, 'price-list'),
  nlcuHour: flat('Capacity unit of a network load balancer, hour', 0.006, 'price-list'),
  interfaceEndpointHour: flat('Interface endpoint in one zone, hour', 0.01, 'price-list'),
  natGatewayHour: flat('NAT gateway, hour', 0.045, 'price-list'),
  internetOutByte: tiered('Data out to the internet, GB', 'price-list', GB, [
    { upTo: 10_240 * GB, price: 0.09 },
    { upTo: 51_200 * GB, price: 0.085 },
    { upTo: 153_600 * GB, price: 0.07 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.05 },
  ]),
  crossZoneByte: flat('Data between zones, GB and direction', 0.01, 'price-list', GB),
  httpApiRequest: tiered('HTTP API, million requests', 'price-list', ONE_MILLION, [
    { upTo: 300 * ONE_MILLION, price: 1 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.9 },
  ]),
  lambdaRequest: flat('Lambda, million requests', 0.2, 'price-list', ONE_MILLION),
  lambdaArmGbSecond: flat('Lambda ARM, GB second', 0.0000133334, 'price-list'),
  logByte: flat('CloudWatch Logs, GB taken in', 0.5, 'price-list', GB),
  webAcl: flat('AWS WAF, web ACL, month', 5, 'price-list'),
  webAclRule: flat('AWS WAF, rule, month', 1, 'price-list'),
  webAclRequest: flat('AWS WAF, million requests', 0.6, 'price-list', ONE_MILLION),
  cloudFrontRequest: flat('CloudFront, million HTTPS requests', 1, 'recalled', ONE_MILLION),
  cloudFrontFunction: flat('CloudFront Functions, million calls', 0.1, 'recalled', ONE_MILLION),
  xrayTrace: flat('X-Ray, million traces recorded', 5, 'recalled', ONE_MILLION),
  customMetric: flat('CloudWatch metric, month', 0.3, 'price-list'),
  alarm: flat('CloudWatch alarm, metric and month', 0.1, 'price-list'),
  dashboard: flat('CloudWatch dashboard, month', 3, 'price-list'),
  secret: flat('Secret, month', 0.4, 'price-list'),
  valkeyM7gLargeHour: flat('ElastiCache Valkey cache.m7g.large, hour', 0.1264, 'recalled'),
  valkeyM7gXlargeHour: flat('ElastiCache Valkey cache.m7g.xlarge, hour', 0.2528, 'recalled'),
  serverlessGbHour: flat('ElastiCache Serverless Valkey, GB hour', 0.084, 'third-party'),
  serverlessEcpu: flat('ElastiCache Serverless Valkey, million ECPU', 0.0023, 'third-party', ONE_MILLION),
  memoryDbT4gSmallHour: flat('MemoryDB db.t4g.small, hour', 0.0514, 'recalled'),
  upstashCommand: flat('Upstash pay as you go, 100,000 commands', 0.2, 'price-list', 100_000),
  webSocketMinute: flat('API Gateway WebSocket, million connection minutes', 0.25, 'price-list', ONE_MILLION),
  webSocketMessage: tiered('API Gateway WebSocket, million messages', 'price-list', ONE_MILLION, [
    { upTo: 1_000 * ONE_MILLION, price: 1 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.8 },
  ]),
  iotMinute: flat('IoT Core, million connection minutes', 0.08, 'recalled', ONE_MILLION),
  iotMessage: tiered('IoT Core, million messages', 'third-party', ONE_MILLION, [
    { upTo: 1_000 * ONE_MILLION, price: 1 },
    { upTo: 5_000 * ONE_MILLION, price: 0.8 },
    { upTo: Number.POSITIVE_INFINITY, price: 0.7 },
  ]),
} as const satisfies Record<string, Price>;

/** The price of a quantity, tier by tier. */
export function costOf(price: Price, quantity: number): number {
  let cost = 0;
  let from = 0;
  for (const { upTo, price: unit } of price.tiers) {
    const inTier = Math.min(quantity, upTo) - from;
    if (inTier <= 0) break;
    cost += (inTier / price.per) * unit;
    from = upTo;
  }
  return cost;
}
