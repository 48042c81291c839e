import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { publint } from 'publint';
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
});
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
    const pkgDir = join(app, 'node_modules', name);
    expect((await publint({ pkgDir, pack: false, strict: true })).messages, name).toEqual([]);
  }
  const attw = join(repository, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  for (const archive of archives()) await run(process.execPath, [attw, join(work, archive), '--profile', 'esm-only']);
});

/** Of an archive. That of fronttcp-cdk is looked at in test/cdk/embed.long.test.ts: it takes long to make. */
const weights: [name: PackageName, maxKilobytes: number][] = [
  ['fronttcp', 7_000],
  ['fronttcp-client', 40],
  ['fronttcp-upstream', 20],
];

it.each(weights)(
  '%s has at most %i kB',
  async (name, maxKilobytes) => {
    const kilobytes = Math.ceil(statSync(await packedPackage(name)).size / 1_000);
    process.stdout.write(`${name}: ${kilobytes} kB\n`);
    expect(kilobytes).toBeLessThanOrEqual(maxKilobytes);
  },
  240_000,
);

/** The packages that the install of each brings along (without peers). */
const companions: [name: PackageName, most: number][] = [
  ['fronttcp', 71],
  ['fronttcp-cdk', 1],
  ['fronttcp-client', 0],
  ['fronttcp-upstream', 0],
];

it.each(companions)('%s brings at most %i packages along', (name, most) => {
  const dependencies = dependenciesOf(name);
  process.stdout.write(`${name}: ${dependencies.size} packages beside it\n`);
  expect(dependencies.size).toBeLessThanOrEqual(most);
});

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

it('all have one version, and fronttcp-cdk the versions that the tests run with', () => {
  const root = manifestOf('fronttcp');
  for (const [name] of companions) expect(manifestOf(name).version).toBe(root.version);
  const { dependencies, peerDependencies } = manifestOf('fronttcp-cdk');
  expect(root.dependencies).toMatchObject({ ...dependencies });
  expect(root.peerDependencies).toEqual(peerDependencies);
});
