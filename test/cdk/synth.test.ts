import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startProcess } from '../kit/process.ts';
import { deployments, findings } from './support/findings.ts';
import { artifacts } from './support/synthesis.ts';

const work = mkdtempSync(join(tmpdir(), 'fronttcp-synth-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

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
