import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, describe, expect, it } from 'vitest';
import { FrontTcpStack } from '../../lib/front-tcp-stack.ts';
import { parseSettings, type Settings } from '../../lib/settings.ts';
import { startProcess } from '../kit/process.ts';
import { artifacts, CERTIFICATE, context, UPSTASH_SECRET, UPSTREAM_ALIAS, WEB_ACL } from './support/synthesis.ts';

const work = mkdtempSync(join(tmpdir(), 'fronttcp-synth-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const deployments: readonly (readonly [name: string, settings: Settings])[] = [
  ['valkey', {}],
  ['upstash', { redis: { kind: 'upstash', secretArn: UPSTASH_SECRET } }],
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
    'TLS at the gateway with a domain',
    {
      domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
      redis: { kind: 'memorydb', nodeType: 'db.r7g.large', replicas: 2 },
      gateway: { clientCidrs: ['203.0.113.0/24'] },
    },
  ],
  ['a firewall', { api: { firewall: { webAclArn: WEB_ACL } } }],
  [
    'a firewall and a domain',
    {
      domain: { name: 'devices.example.com', hostedZoneId: 'Z0123456789ABCDEFGHIJ' },
      api: { firewall: { webAclArn: WEB_ACL } },
      redis: { kind: 'upstash', secretArn: UPSTASH_SECRET },
    },
  ],
  ['PROXY protocol', { gateway: { clientAddress: 'proxy-v2', port: 7000 } }],
];

/** Errors of the CDK, CloudFormation's rules and AwsSolutions, and warnings of AwsSolutions. */
function findings(settings: Settings): string[] {
  const app = new App({ context: { ...context }, outdir: mkdtempSync(join(work, 'assembly-')) });
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

describe('a deployment', () => {
  it.each(deployments)('%s: is valid, and has no finding of AwsSolutions', (_name, settings) => {
    expect(findings(settings)).toEqual([]);
  });

  it('is refused with a memory that Fargate does not have with this CPU', () => {
    expect(findings({ gateway: { cpu: 1024, memoryMiB: 512 } }).join()).toMatch(/E3047|memory/i);
  });
});

/**
 * What `npx cdk synth` does, with warnings as errors, without look-ups, without credentials or a network. It does not make
 * the bundles again: test/cdk/bundles.test.ts looks at what the same command makes.
 */
async function synthesise(name: string, settings: unknown): Promise<{ code: number | null; output: string }> {
  const file = join(work, `${name}.json`);
  writeFileSync(file, JSON.stringify({ artifacts, ...(settings as object) }));
  const cdk = startProcess(
    process.execPath,
    [
      'node_modules/aws-cdk/bin/cdk',
      'synth',
      '--quiet',
      '--strict',
      '--no-lookups',
      // The shell's `true`: nothing is built.
      '--build=true',
      '--output',
      join(work, `${name}.out`),
      '-c',
      `settings=${file}`,
    ],
    { env: { AWS_PROFILE: undefined, AWS_ACCESS_KEY_ID: undefined, AWS_EC2_METADATA_DISABLED: 'true' } },
  );
  const { code } = await cdk.exit;
  return { code, output: cdk.output() };
}

describe('cdk synth --strict --no-lookups', () => {
  it('makes the bundles before, as cdk.json says', () => {
    expect(JSON.parse(readFileSync('cdk.json', 'utf8'))).toMatchObject({ build: 'node scripts/bundle.mjs' });
  });

  it('synthesises without findings', async () => {
    const { code, output } = await synthesise('valkey', {});
    expect(code, output).toBe(0);
    expect(output).not.toMatch(/AwsSolutions-|\bERROR\b|\bWARNING\b/);
  });

  it('fails on a mistake in the settings, and names it', async () => {
    const { code, output } = await synthesise('mistake', { gateway: { prot: 8124 } });
    expect(code).not.toBe(0);
    expect(output).toContain('prot');
  });
});
