import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import project from '../../tsconfig.node20.json' with { type: 'json' };
import packed from '../../tsconfig.pack.json' with { type: 'json' };
import { compile } from '../kit/compiled-package.ts';
import { repository, startProcess } from '../kit/process.ts';

it('the types for Node 20 refuse the methods that it lacks, and no others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fronttcp-node-20-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lacking = ['Promise.withResolvers()', 'Map.groupBy([1], String)', 'new Set([1]).union(new Set([2]))'];
  const known = ['[2, 1].toSorted()', "'x'.isWellFormed()"];
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'uses.ts'), `export const made = [\n${[...lacking, ...known].join(',\n')},\n];\n`);
  const config = {
    extends: join(repository, 'tsconfig.node20.json'),
    compilerOptions: { typeRoots: [join(repository, 'node_modules/@types')] },
    files: ['uses.ts'],
    include: [],
  };
  const problems = await compile(folder, config).then(() => '', String);
  const refused = Array.from(problems.matchAll(/Property '(\w+)' does not exist/g), ([, name]) => name);
  expect(refused, problems).toEqual(['withResolvers', 'groupBy', 'union']);
}, 60_000);

it('what the packages hold is compiled with the types for Node 20', async () => {
  const tsc = join(repository, 'node_modules/.bin/tsc');
  const compiling = startProcess(tsc, ['--noEmit', '-p', 'tsconfig.node20.json']);
  expect(await compiling.exit, compiling.output()).toEqual({ code: 0, signal: null });
}, 120_000);

it('every program of the packages is compiled with the types for Node 20', () => {
  const bundler = readFileSync(join(repository, 'scripts/bundle.mjs'), 'utf8');
  const programs = Array.from(bundler.matchAll(/program\('([\w./-]+)',/g), ([, file]) => file);
  expect(programs.length).toBeGreaterThan(2);
  expect(project.include).toEqual(expect.arrayContaining([...programs, 'gateway/main.ts', ...packed.include]));
});
