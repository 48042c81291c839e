import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Settings } from '../../lib/settings.ts';
import { startProcess } from '../kit/process.ts';
import { artifacts, CERTIFICATE, UPSTASH_SECRET, UPSTREAM_ALIAS } from './support/synthesis.ts';

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
  ['PROXY protocol', { gateway: { clientAddress: 'proxy-v2', port: 7000 } }],
];

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

  it.each(deployments)(
    '%s: well-formed, and AwsSolutions has nothing to say',
    async (name, settings) => {
      const { code, output } = await synthesise(name, settings);
      expect(code, output).toBe(0);
      expect(output).not.toMatch(/AwsSolutions-|\bERROR\b|\bWARNING\b/);
    },
    120_000,
  );

  it('fails on what the template validator knows: a memory that Fargate does not have with this CPU', async () => {
    const { code, output } = await synthesise('wrong-memory', { gateway: { cpu: 1024, memoryMiB: 512 } });
    expect(code).not.toBe(0);
    expect(output).toMatch(/E3047|memory/i);
  }, 120_000);

  it('fails on a mistake in the settings, and names it', async () => {
    const { code, output } = await synthesise('mistake', { gateway: { prot: 8124 } });
    expect(code).not.toBe(0);
    expect(output).toContain('prot');
  }, 120_000);
});
