import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type PackageName, packageFolders, packedPackage } from '../kit/packed-package.ts';
import { repository, startProcess } from '../kit/process.ts';

/** The packages without a dependency, packed as npm publishes them and installed by npm without a network. */
const work = mkdtempSync(join(tmpdir(), 'fronttcp-split-'));
const app = join(work, 'app');
const names = ['fronttcp-client', 'fronttcp-upstream'] as const;

async function run(command: string, args: readonly string[], cwd = work): Promise<string> {
  const running = startProcess(command, args, { cwd });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

const archives = (): string[] => readdirSync(work).filter((name) => name.endsWith('.tgz'));

beforeAll(async () => {
  for (const name of names) {
    const archive = await packedPackage(name);
    copyFileSync(archive, join(work, basename(archive)));
  }
  await run('mkdir', ['app']);
  writeFileSync(join(app, 'package.json'), '{"private": true, "type": "module"}');
  const files = archives().map((name) => join('..', name));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...files], app);
}, 240_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('are the only packages that an install brings', () => {
  expect(readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(names);
});

it('hold the compiled files, a page and the licence', async () => {
  for (const archive of archives()) {
    const files = (await run('tar', ['-tzf', archive])).trim().split('\n');
    expect(
      files.filter((file) => !/^package\/(dist\/.+\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(file)),
    ).toEqual([]);
    expect(files.length).toBeGreaterThan(4);
  }
});

it('run', async () => {
  writeFileSync(
    join(app, 'use.js'),
    `import { connect } from 'fronttcp-client';
     import { UnreachableError } from 'fronttcp-client/errors';
     import { createHandler } from 'fronttcp-upstream';
     const failed = await connect({ host: '127.0.0.1', port: 1, phoneNumber: 'u', token: 't' }).catch((error) => error);
     console.log(failed instanceof UnreachableError, typeof createHandler({ items: {} }));`,
  );
  expect(await run(process.execPath, ['use.js'], app)).toBe('true function\n');
});

it('please publint and have the types of ES modules', async () => {
  for (const name of names) {
    const publint = join(repository, 'node_modules/publint/src/cli.js');
    expect(await run(process.execPath, [publint, join(app, 'node_modules', name), '--strict'])).toContain('All good!');
  }
  const attw = join(repository, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  for (const archive of archives()) await run(process.execPath, [attw, join(work, archive), '--profile', 'esm-only']);
}, 60_000);

/** What each package weighs: the archive, unpacked, and the packages that its install brings along (without peers). */
const weights: [name: PackageName, maxKilobytes: number, dependencies: number][] = [
  ['fronttcp', 7_000, 71],
  ['fronttcp-cdk', 7_000, 1],
  ['fronttcp-client', 40, 0],
  ['fronttcp-upstream', 20, 0],
];

it.each(weights)(
  '%s has at most %i kB and %i packages beside itself',
  async (name, maxKilobytes, max) => {
    const kilobytes = Math.ceil(statSync(await packedPackage(name)).size / 1_000);
    const dependencies = dependenciesOf(name);
    process.stdout.write(`${name}: ${kilobytes} kB, ${dependencies.size} packages beside it\n`);
    expect(kilobytes).toBeLessThanOrEqual(maxKilobytes);
    expect(dependencies.size).toBeLessThanOrEqual(max);
  },
  240_000,
);

const versions = z.record(z.string(), z.string()).optional();
const manifest = z.looseObject({ version: z.string().optional(), dependencies: versions, peerDependencies: versions });
const manifestOf = (name: PackageName) =>
  manifest.parse(JSON.parse(readFileSync(join(repository, packageFolders[name], 'package.json'), 'utf8')));

/** By name, from the lock file of the repository: what npm installs for it. */
function dependenciesOf(name: PackageName): Set<string> {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as { packages: object };
  const packages = z.record(z.string(), manifest).parse(lock.packages);
  const found = new Set<string>();
  const add = (dependencies: object = {}): void => {
    for (const dependency of Object.keys(dependencies)) {
      if (found.has(dependency)) continue;
      found.add(dependency);
      add(packages[`node_modules/${dependency}`]?.dependencies);
    }
  };
  add(manifestOf(name).dependencies);
  return found;
}

it('fronttcp-cdk has the code that functions and gateways run', async () => {
  const files = await run('tar', ['-tzf', await packedPackage('fronttcp-cdk')]);
  for (const file of [
    'functions/upstash/send-command/index.mjs',
    'functions/ioredis/login/index.mjs',
    'gateway/main.mjs',
    'gateway/Dockerfile',
  ])
    expect(files).toContain(`package/dist/${file}\n`);
}, 240_000);

it('all have one version, and fronttcp-cdk the versions that the tests run with', () => {
  const root = manifestOf('fronttcp');
  for (const [name] of weights) expect(manifestOf(name).version).toBe(root.version);
  const { dependencies, peerDependencies } = manifestOf('fronttcp-cdk');
  expect(root.dependencies).toMatchObject({ ...dependencies });
  expect(root.peerDependencies).toEqual(peerDependencies);
});
