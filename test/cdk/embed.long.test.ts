import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installPackedPackage, packedPackage } from '../kit/packed-package.ts';
import { repository, startProcess } from '../kit/process.ts';

const work = mkdtempSync(join(tmpdir(), 'fronttcp-embed-'));

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  // The template is validated in test/cdk/synth.test.ts.
  const running = startProcess(command, args, { cwd, env: { CDK_VALIDATION: 'false' } });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

describe('an app of somebody else', () => {
  const app = join(work, 'app');
  const installed = join(app, 'node_modules/fronttcp-cdk');

  beforeAll(async () => {
    cpSync(join(repository, 'examples/embed'), app, { recursive: true });
    await installPackedPackage(installed, 'fronttcp-cdk');
    // Its dependencies are those of this repository.
    for (const name of ['aws-cdk-lib', 'constructs', 'zod', '@types']) {
      symlinkSync(join(repository, 'node_modules', name), join(app, 'node_modules', name));
    }
  }, 240_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('has the code that functions and gateways run, and no more than 7 MB of an archive', async () => {
    for (const file of [
      'functions/upstash/send-command/index.mjs',
      'functions/ioredis/login/index.mjs',
      'gateway/main.mjs',
      'gateway/Dockerfile',
    ])
      expect(existsSync(join(installed, 'dist', file)), file).toBe(true);
    expect(statSync(await packedPackage('fronttcp-cdk')).size).toBeLessThan(7_000_000);
  });

  it('synthesises with the packed package', async () => {
    const cdk = join(repository, 'node_modules/aws-cdk/bin/cdk');
    await run(process.execPath, [cdk, 'synth', '--quiet', '--strict', '--no-lookups', '--output', 'out'], app);
    const template: { Resources: Record<string, { Type: string }> } = JSON.parse(
      readFileSync(join(app, 'out/Fleet.template.json'), 'utf8'),
    );
    const types = Object.values(template.Resources).map((one) => one.Type);
    expect(types).toContain('AWS::ECS::Service');
    expect(types.filter((type) => type === 'AWS::ApiGatewayV2::Route').length).toBeGreaterThan(10);
    const assets: { files: object; dockerImages: object } = JSON.parse(
      readFileSync(join(app, 'out/Fleet.assets.json'), 'utf8'),
    );
    expect(Object.keys(assets.dockerImages)).toHaveLength(1);
    expect(Object.keys(assets.files).length).toBeGreaterThan(8);
  }, 120_000);

  it('is checked against the types of the package', async () => {
    writeFileSync(
      join(app, 'wrong.ts'),
      readFileSync(join(app, 'app.ts'), 'utf8').replace("'serverless'", "'memcached'"),
    );
    const tsc = join(repository, 'node_modules/typescript/bin/tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
    ];
    const compilation = startProcess(process.execPath, [tsc, ...options, '--pretty', 'false', 'app.ts', 'wrong.ts'], {
      cwd: app,
    });
    await compilation.exit;
    const errors = compilation
      .output()
      .split('\n')
      .filter((line) => line.includes('error TS'));
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts.*memcached/)]);
  }, 120_000);

  it('ships no TypeScript, which Node refuses to run from node_modules', () => {
    const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([]);
  });
});
