import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPackedPackage, packedPackage } from '../kit/packed-package.ts';
import { repository, startProcess } from '../kit/process.ts';
import { runWholeSystem } from './whole-system.ts';

const work = mkdtempSync(join(tmpdir(), 'fronttcp-package-'));
const installed = join(work, 'app/node_modules/fronttcp');
let archive = '';

async function run(
  command: string,
  args: readonly string[],
  cwd = work,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const running = startProcess(command, args, { cwd, env });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}

beforeAll(async () => {
  archive = await packedPackage();
  await installPackedPackage(installed);
}, 240_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('publint finds nothing', async () => {
  expect((await publint({ pkgDir: installed, pack: false, strict: true })).messages).toEqual([]);
}, 60_000);

it('its types are those of an ES module, at every entry', async () => {
  const attw = join(repository, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  await run(process.execPath, [attw, archive, '--profile', 'esm-only']);
}, 60_000);

it('the client library and the upstream helper have no dependency', async () => {
  writeFileSync(
    join(work, 'app/use.mjs'),
    `import { connect } from 'fronttcp/client';
     import * as root from 'fronttcp';
     import { UnreachableError } from 'fronttcp/client/errors';
     import { createHandler } from 'fronttcp/upstream';
     const failed = await connect({ host: '127.0.0.1', port: 1, phoneNumber: 'u', token: 't' }).catch((error) => error);
     console.log(failed instanceof UnreachableError, typeof createHandler({ events: {} }), root.connect === connect);`,
  );
  expect(await run(process.execPath, ['use.mjs'], join(work, 'app'))).toContain('true function true');
});

it('has the construct of fronttcp-cdk too, for those who import it from here, with the code that it deploys', async () => {
  const app = join(work, 'app');
  for (const name of ['aws-cdk-lib', 'constructs', 'zod']) {
    symlinkSync(join(repository, 'node_modules', name), join(app, 'node_modules', name));
  }
  const example = readFileSync(join(repository, 'examples/embed/app.ts'), 'utf8');
  writeFileSync(join(app, 'construct.mjs'), example.replace("'fronttcp-cdk'", "'fronttcp/cdk'"));
  // As the CDK's command line runs an app. Templates are validated in test/cdk/synth.test.ts.
  await run(process.execPath, ['construct.mjs'], app, { CDK_OUTDIR: 'out', CDK_VALIDATION: 'false' });
  const made = (file: string): string => readFileSync(join(app, 'out', file), 'utf8');
  expect(made('Fleet.template.json')).toContain('"AWS::ECS::Service"');
  const assets: { files: object; dockerImages: object } = JSON.parse(made('Fleet.assets.json'));
  expect(Object.keys(assets.dockerImages)).toHaveLength(1);
  expect(Object.keys(assets.files).length).toBeGreaterThan(8);
}, 120_000);

it('brings its command line, without TypeScript', async () => {
  for (const name of ['@aws-sdk', '@upstash', 'commander', 'ioredis', 'pino']) {
    symlinkSync(join(repository, 'node_modules', name), join(work, 'app/node_modules', name));
  }
  const app = join(work, 'app');
  writeFileSync(join(app, 'package.json'), '{"private": true, "dependencies": {"fronttcp": "*"}}');
  // What an install does for the programs of its packages.
  await run('npm', ['rebuild', '--ignore-scripts'], app);
  const npx = (...args: string[]) => run('npx', ['--no', '--', 'fronttcp', ...args], app);
  expect(await npx('--help')).toContain('fronttcp send --to');
  expect(await npx('cost', '--clients', '10')).toContain('Total');
});

/** What Node 20 lacks is taken away, so that a bundle that needs it fails here. It gives a reviver no source text. */
const asNode20 = `
const { parse } = JSON;
const withoutSource = (revive) => function (key, value) { return revive.call(this, key, value); };
JSON.parse = (text, revive) => parse(text, typeof revive === 'function' ? withoutSource(revive) : undefined);
for (const [object, names] of [
  [JSON, ['rawJSON', 'isRawJSON']],
  [URL, ['parse']], [Promise, ['withResolvers', 'try']], [Map, ['groupBy']], [Object, ['groupBy']], [Array, ['fromAsync']],
  [Set.prototype, ['union', 'difference', 'intersection', 'isSubsetOf']], [RegExp, ['escape']],
  [Object.getPrototypeOf(Object.getPrototypeOf([].values())), ['map', 'filter', 'toArray', 'some', 'take', 'flatMap']],
]) for (const name of names) delete object[name];
`;

it('runs the whole system from the package, with the installed Node', async () => {
  writeFileSync(join(work, 'as-node-20.cjs'), asNode20);
  for (const name of ['@opentelemetry', 'find-my-way', 'prom-client']) {
    symlinkSync(join(repository, 'node_modules', name), join(work, 'app/node_modules', name));
  }
  const env = { NODE_OPTIONS: `--require ${join(work, 'as-node-20.cjs')}` };
  await runWholeSystem({ node: process.execPath, app: join(work, 'app'), env });
}, 240_000);

it('holds no sources, tests or benchmarks', async () => {
  const files = (await run('tar', ['-tzf', archive])).split('\n').filter((file) => file !== '');
  expect(
    files.filter((file) => !/^package\/(bin\/fronttcp\.mjs|dist\/|README\.md|LICENSE|package\.json)/.test(file)),
  ).toEqual([]);
});
