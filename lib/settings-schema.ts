import { aws_logs as logs } from 'aws-cdk-lib';
import { z } from 'zod';
import { routes } from '../functions/routes.ts';
import { cidrProblem } from './guards/cidr.ts';
import { memoryDbNodeTypes, valkeyNodeTypes } from './guards/node-types.ts';
import { endpointNames } from './network.ts';

/**
 * The schema of each setting. The settings file and the construct's props are validated by the same schemas, so that a user who
 * embeds the construct in JavaScript, or by a cast, gets the same errors.
 */
const environment = z.record(
  z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be a name in capitals such as MAX_FRAME_BYTES'),
  z.string(),
);
const port = z.int().min(1).max(65535);
const percent = z.int().min(10).max(90);
const cidr = z.string().superRefine((text, context) => {
  const problem = cidrProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});
const origin = z
  .string()
  .refine(
    (text) => text === '*' || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text),
    'must be an origin such as https://app.example.com, without a path and without a slash at its end',
  );

/** It is part of the access string of the store's user: a blank would end the pattern, a glob would open other keys. */
const PREFIX_CHARACTERS = /^[A-Za-z0-9_.:{}-]*$/;
const anyPrefix = z
  .string()
  .max(64)
  .regex(PREFIX_CHARACTERS, 'may have letters, digits and _ . : - { } only: no blanks and no patterns');
const clusterPrefix = anyPrefix
  .refine(
    (text) => /^[^{}]*\{[^{}]+\}[^{}]*$/.test(text),
    'needs a hash tag such as "{fronttcp}:", because the keys of a cluster must share one slot',
  )
  .refine((text) => text.endsWith(':'), 'must end with ":", or it would open the keys of every longer prefix');

const replicas = z.int().min(1, 'durability needs 1 to 5').max(5, 'durability needs 1 to 5');

const redis = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('upstash'), secretArn: z.string(), keyPrefix: anyPrefix.exactOptional() }),
  z.strictObject({
    kind: z.literal('valkey'),
    nodeType: z
      .string()
      .refine(
        (text) => valkeyNodeTypes.includes(text),
        'durability needs a node of m6g, m7g, r6g, r7g, c7gn or newer, large or more, such as "cache.m7g.large"',
      )
      .exactOptional(),
    engineVersion: z
      .string()
      .regex(/^(9|[1-9]\d)\.\d+$/, 'must be a version such as "9.0"; durability began with it')
      .exactOptional(),
    replicas: replicas.exactOptional(),
    durability: z.enum(['sync', 'async']).exactOptional(),
    keyPrefix: clusterPrefix.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('serverless'),
    engineVersion: z
      .string()
      .regex(/^[89]$/, 'must be "8" or "9"')
      .exactOptional(),
    maxDataGb: z.int().min(1).max(5_000).exactOptional(),
    maxEcpuPerSecond: z.int().min(1_000).max(15_000_000).exactOptional(),
    keyPrefix: clusterPrefix.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('memorydb'),
    nodeType: z
      .string()
      .refine((text) => memoryDbNodeTypes.includes(text), 'is no node of MemoryDB, such as "db.t4g.small"')
      .exactOptional(),
    replicas: replicas.exactOptional(),
    keyPrefix: clusterPrefix.exactOptional(),
  }),
]);

const tls = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('load-balancer'),
    certificateArn: z.string().exactOptional(),
    clientCertificates: z.strictObject({ trustStoreArn: z.string() }).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('gateway'),
    secretArn: z.string(),
    clientCertificates: z.boolean().exactOptional(),
  }),
]);

const domain = z.strictObject({
  name: z.string(),
  hostedZoneId: z.string(),
  zoneName: z.string().exactOptional(),
});

/** ECS takes tenths of a percent, and refuses anything finer after the images are built. */
const shiftPercent = (min: number): z.ZodExactOptional<z.ZodNumber> => {
  const message = `must be ${min} to 100, with at most one decimal place`;
  return z.number(message).min(min, message).max(100, message).multipleOf(0.1, message).exactOptional();
};
const BAKE_MINUTES = 'must be whole minutes from 0 to 1440, which is a day';
const bakeMinutes = z.int(BAKE_MINUTES).min(0, BAKE_MINUTES).max(1440, BAKE_MINUTES).exactOptional();
const deployment = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rolling') }),
  z.strictObject({ kind: z.literal('canary'), percent: shiftPercent(0.1), bakeMinutes }),
  z.strictObject({ kind: z.literal('linear'), percent: shiftPercent(3), bakeMinutes }),
]);

const network = z.strictObject({
  egress: z.enum(['public-ip', 'nat', 'endpoints']).exactOptional(),
  ipv6: z.boolean().exactOptional(),
  secretsEndpoint: z.boolean().exactOptional(),
  existingEndpoints: z.array(z.enum(endpointNames)).exactOptional(),
});

const gateway = z.strictObject({
  port: port.exactOptional(),
  healthPort: port.exactOptional(),
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
  baseImage: z
    .string()
    .regex(/^[a-z0-9][^\s@]*@sha256:[0-9a-f]{64}$/, 'must name an image by its digest: …@sha256:…')
    .exactOptional(),
  deployment: deployment.exactOptional(),
  spotPercent: z.int().min(0).max(100).exactOptional(),
  crossZone: z.boolean().exactOptional(),
  fixedAddresses: z
    .union([z.boolean(), z.array(z.string().regex(/^eipalloc-[0-9a-f]+$/, 'must be eipalloc-…')).nonempty()])
    .exactOptional(),
  taskProtection: z.boolean().exactOptional(),
});

const scaling = z.strictObject({
  minTasks: z.int().min(1).exactOptional(),
  maxTasks: z.int().min(1).max(1_000).exactOptional(),
  connectionsPerTask: z.int().min(100).max(1_000_000).exactOptional(),
  cpuPercent: percent.exactOptional(),
});

const functionNames = [...new Set(routes.map((route) => route.function))];

const api = z.strictObject({
  rateLimit: z.number().positive().exactOptional(),
  burstLimit: z.int().positive().exactOptional(),
  loginRateLimit: z.number().positive().exactOptional(),
  loginBurstLimit: z.int().positive().exactOptional(),
  corsOrigins: z.array(origin).exactOptional(),
  environment: environment.exactOptional(),
  canary: z.boolean().exactOptional(),
  tracing: z.boolean().exactOptional(),
  reservedConcurrency: z.partialRecord(z.enum(functionNames), z.int().min(0)).exactOptional(),
  secretsExtensionLayerArn: z.string().exactOptional(),
  firewall: z.strictObject({ webAclArn: z.string(), certificateArn: z.string().exactOptional() }).exactOptional(),
});

const upstream = z.strictObject({
  alias: z.string().startsWith('arn:'),
  events: z.string().exactOptional(),
  requests: z.string().exactOptional(),
  lifecycle: z.string().exactOptional(),
});

const seconds = z.int();
const timings = z.strictObject({
  stopTimeoutSeconds: seconds.exactOptional(),
  drainTimeoutSeconds: seconds.exactOptional(),
  deregistrationDelaySeconds: seconds.exactOptional(),
  heartbeatTimeoutSeconds: seconds.exactOptional(),
  authTimeoutSeconds: seconds.exactOptional(),
  healthCheckIntervalSeconds: seconds.exactOptional(),
  healthCheckFailures: seconds.exactOptional(),
  functionTimeoutSeconds: seconds.exactOptional(),
});

/** The settings that the construct and the settings file have in common. */
export const sharedSettings = {
  redis: redis.exactOptional(),
  tls: tls.exactOptional(),
  domain: domain.exactOptional(),
  /** An existing VPC needs code: embed the construct for that. */
  network: network.exactOptional(),
  gateway: gateway.exactOptional(),
  scaling: scaling.exactOptional(),
  api: api.exactOptional(),
  timings: timings.exactOptional(),
} as const;

/** The content of `fronttcp` in cdk.json, or in the file that `-c settings=…` names. */
export const settingsSchema = z.strictObject({
  /** @default 'FrontTcp' */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'must begin with a letter and have letters, digits and hyphens only')
    .default('FrontTcp'),
  /** @default the region of the credentials */
  region: z.string().exactOptional(),
  /** Left out, the stack goes wherever the credentials are; given, the first synthesis asks the account for its zones. */
  account: z
    .string()
    .regex(/^\d{12}$/)
    .exactOptional(),
  ...sharedSettings,
  /** Your function for what devices send: the ARN of an alias. An alias of your own app needs code: embed the construct. */
  upstream: upstream.exactOptional(),
  dataPolicy: z.enum(['keep', 'destroy']).default('keep'),
  /**
   * A key of your own for everything that is stored. Its policy must admit CloudWatch Logs, and leave the rest to IAM.
   * @default AWS's own keys
   */
  encryptionKeyArn: z.string().exactOptional(),
  /** Of the log groups; one of the numbers that CloudWatch knows. @default 30 */
  logRetentionDays: z.enum(logs.RetentionDays).exactOptional(),
  /** An SNS topic that gets a message when an alarm fires and when it is over. @default none */
  alarmTopicArn: z.string().exactOptional(),
  tags: z.record(z.string(), z.string()).default({}),
  artifacts: z.string().exactOptional(),
});
