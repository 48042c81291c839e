import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { FrontTcpStack } from '../../../lib/front-tcp-stack.ts';
import { parseSettings, type Settings } from '../../../lib/settings.ts';
import { artifacts, CERTIFICATE, context, UPSTASH_SECRET, UPSTREAM_ALIAS, WEB_ACL } from './synthesis.ts';

type Deployment = readonly [name: string, settings: Settings];

/** Together with the default, which test/cdk/synth.test.ts gives to the CDK, every kind of resource that a deployment may have. */
export const deployments: readonly Deployment[] = [
  [
    'serverless',
    {
      redis: { kind: 'serverless' },
      network: { egress: 'endpoints' },
      tls: { kind: 'load-balancer', certificateArn: CERTIFICATE },
      upstream: { alias: UPSTREAM_ALIAS, events: '1000-1099', requests: 'none', lifecycle: 'none' },
      api: { canary: false, corsOrigins: ['https://ops.example.com'] },
    },
  ],
  [
    'memorydb',
    {
      redis: { kind: 'memorydb' },
      network: { egress: 'nat' },
      tls: { kind: 'gateway', secretArn: UPSTASH_SECRET },
      gateway: { taskProtection: true, architecture: 'x86_64', internetFacing: false },
      scaling: { minTasks: 8, maxTasks: 60 },
      alarmTopicArn: 'arn:aws:sns:us-east-1:111111111111:alarms',
      dataPolicy: 'destroy',
      tags: { team: 'fleet' },
    },
  ],
  [
    'upstash with a firewall and a domain',
    {
      domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
      api: { firewall: { webAclArn: WEB_ACL } },
      redis: { kind: 'upstash', secretArn: UPSTASH_SECRET },
    },
  ],
];

/** The same resources in other combinations. */
export const moreDeployments: readonly Deployment[] = [
  ['upstash', { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } }],
  [
    'TLS at the gateway with a domain',
    {
      domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
      redis: { kind: 'memorydb', nodeType: 'db.r7g.large', replicas: 2 },
      gateway: { clientCidrs: ['203.0.113.0/24'] },
    },
  ],
  ['a firewall', { api: { firewall: { webAclArn: WEB_ACL } } }],
  ['PROXY protocol', { gateway: { clientAddress: 'proxy-v2', port: 7000 } }],
];

/** Errors of the CDK, CloudFormation's rules and AwsSolutions, and warnings of AwsSolutions. */
export function findings(settings: Settings): string[] {
  const app = new App({ context: { ...context }, outdir: mkdtempSync(join(tmpdir(), 'fronttcp-assembly-')) });
  new FrontTcpStack(app, parseSettings({ artifacts, ...settings }, 'test'));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  try {
    const { stacks } = app.synth();
    const messages = stacks.flatMap((stack) => stack.messages.map(({ level, entry }) => `${level}: ${entry.data}`));
    return messages.filter((message) => /^error|AwsSolutions-/.test(message));
  } catch (error) {
    return [(error as Error).message];
  }
}
