import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { aws_logs as logs } from 'aws-cdk-lib';
import { z } from 'zod';

const environment = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string());
const cidr = z.cidrv4();
const keyPrefix = z.string().max(64).exactOptional();

const redis = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('upstash'), secretArn: z.string(), keyPrefix }),
  z.strictObject({
    kind: z.literal('valkey'),
    nodeType: z.string().exactOptional(),
    replicas: z.int().exactOptional(),
    durability: z.enum(['sync', 'async']).exactOptional(),
    keyPrefix,
  }),
  z.strictObject({
    kind: z.literal('serverless'),
    maxDataGb: z.int().positive().exactOptional(),
    maxEcpuPerSecond: z.int().min(1000).exactOptional(),
    keyPrefix,
  }),
  z.strictObject({
    kind: z.literal('memorydb'),
    nodeType: z.string().exactOptional(),
    replicas: z.int().exactOptional(),
    keyPrefix,
  }),
]);

const tls = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('load-balancer'), certificateArn: z.string() }),
  z.strictObject({ kind: z.literal('gateway'), secretArn: z.string() }),
]);

const gateway = z.strictObject({
  port: z.int().min(1).max(65535).exactOptional(),
  healthPort: z.int().min(1).max(65535).exactOptional(),
  clientCidrs: z.array(cidr).nonempty().exactOptional(),
  internetFacing: z.boolean().exactOptional(),
  clientAddress: z.enum(['preserve', 'proxy-v2', 'none']).exactOptional(),
  idleTimeoutSeconds: z.int().exactOptional(),
  cpu: z.int().exactOptional(),
  memoryMiB: z.int().exactOptional(),
  architecture: z.enum(['arm64', 'x86_64']).exactOptional(),
  environment: environment.exactOptional(),
  systemControls: z.record(z.string(), z.union([z.string(), z.number()])).exactOptional(),
  targetGroupAttributes: z.record(z.string(), z.string()).exactOptional(),
  taskProtection: z.boolean().exactOptional(),
});

const scaling = z.strictObject({
  minTasks: z.int().exactOptional(),
  maxTasks: z.int().exactOptional(),
  connectionsPerTask: z.int().positive().exactOptional(),
  cpuPercent: z.int().min(10).max(90).exactOptional(),
});

const api = z.strictObject({
  rateLimit: z.number().positive().exactOptional(),
  burstLimit: z.int().positive().exactOptional(),
  loginRateLimit: z.number().positive().exactOptional(),
  loginBurstLimit: z.int().positive().exactOptional(),
  corsOrigins: z.array(z.url()).exactOptional(),
  environment: environment.exactOptional(),
  canary: z.boolean().exactOptional(),
});

const upstream = z.strictObject({
  alias: z.string().startsWith('arn:'),
  events: z.string().exactOptional(),
  requests: z.string().exactOptional(),
  lifecycle: z.string().exactOptional(),
});

const timings = z.strictObject({
  stopTimeoutSeconds: z.int().exactOptional(),
  drainTimeoutSeconds: z.int().exactOptional(),
  deregistrationDelaySeconds: z.int().exactOptional(),
  heartbeatTimeoutSeconds: z.int().exactOptional(),
  authTimeoutSeconds: z.int().exactOptional(),
  healthCheckIntervalSeconds: z.int().exactOptional(),
  healthCheckFailures: z.int().exactOptional(),
  functionTimeoutSeconds: z.int().exactOptional(),
});

/** What may stand under `fronttcp` in cdk.json, or in the file that `-c settings=…` names. */
const schema = z.strictObject({
  /** @default 'FrontTcp' */
  stackName: z.string().default('FrontTcp'),
  /** @default the region of the credentials */
  region: z.string().exactOptional(),
  /** Left out, the stack goes wherever the credentials are; given, the first synthesis asks the account for its zones. */
  account: z
    .string()
    .regex(/^\d{12}$/)
    .exactOptional(),
  redis: redis.exactOptional(),
  tls: tls.exactOptional(),
  /** An existing VPC needs code: embed the construct for that. */
  network: z.strictObject({ egress: z.enum(['public-ip', 'nat', 'endpoints']).exactOptional() }).exactOptional(),
  gateway: gateway.exactOptional(),
  scaling: scaling.exactOptional(),
  api: api.exactOptional(),
  /** Your function for what devices send: the ARN of an alias. An alias of your own app needs code: embed the construct. */
  upstream: upstream.exactOptional(),
  timings: timings.exactOptional(),
  dataPolicy: z.enum(['keep', 'destroy']).default('keep'),
  /** Of the log groups; one of the numbers that CloudWatch knows. @default 30 */
  logRetentionDays: z.enum(logs.RetentionDays).exactOptional(),
  /** An SNS topic for alarms. @default none */
  alarmTopicArn: z.string().startsWith('arn:').exactOptional(),
  tags: z.record(z.string(), z.string()).default({}),
  artifacts: z.string().exactOptional(),
});

/** What a settings file exports: `export default { … } satisfies Settings`. */
export type Settings = z.input<typeof schema>;
export type ParsedSettings = z.output<typeof schema>;

/** @throws with every mistake, each with its place. */
export function parseSettings(value: unknown, source: string): ParsedSettings {
  const result = schema.safeParse(value);
  if (!result.success) throw new Error(`${source}: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** The default export of a .ts, .js or .mjs module, or the content of a .json file, as it is. */
export async function readSettingsFile(path: string): Promise<unknown> {
  const absolute = resolve(path);
  if (extname(absolute) === '.json') return JSON.parse(await readFile(absolute, 'utf8'));
  const module: { default?: unknown } = await import(pathToFileURL(absolute).href);
  return module.default;
}
