import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { repository } from '../kit/process.ts';
import { unknownFiles } from './named-files.ts';

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && lstatSync(join(repository, file), { throwIfNoEntry: false })?.isFile());
const contents = new Map(tracked.map((file) => [file, readFileSync(join(repository, file))]));
const texts = new Map(
  [...contents].filter(([, bytes]) => !bytes.includes(0)).map(([file, bytes]) => [file, bytes.toString('utf8')]),
);

/** Says something of the machine that it was written on, or of the registry that it was installed from. */
const strangers: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a path of one machine', /(?<![\w.$}@-])\/(?:work|root|home\/\w+|Users\/\w+)\//],
  ['a temporary path', /(?<![\w.$}@-])\/(?:var\/)?tmp\/\w/],
  [
    'a registry',
    /https?:\/\/(?:registry\.|[\w.-]*(?:artifactory|nexus|verdaccio)|[^/\s]*\/(?:repository|artifactory)\/npm)/,
  ],
];

function strangersIn(text: string): string[] {
  return strangers.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
}

describe('every tracked file', () => {
  it("finds the repository's text files", () => {
    expect(texts.size).toBeGreaterThan(20);
  });

  it('is free of machine paths and registry addresses', () => {
    // This file names the patterns' examples below.
    const own = 'test/architecture/house.test.ts';
    const found = [...texts].filter(([file]) => file !== own).map(([file, text]) => [file, strangersIn(text)] as const);
    expect(found.filter(([, names]) => names.length > 0)).toEqual([]);
  });

  it('ends with a newline if it is text', () => {
    const open = [...texts].filter(([, text]) => text !== '' && !text.endsWith('\n')).map(([file]) => file);
    expect(open).toEqual([]);
  });

  it('names only files that exist, in comments and pages', () => {
    // What earlier versions had stands in the two histories.
    const pages = [...texts].filter(
      ([file]) => file.endsWith('.md') && !/^(?:CHANGELOG|docs\/decisions)\.md$/.test(file),
    );
    const own = 'test/architecture/house.test.ts';
    const sources = [...texts].filter(([file]) => file !== own && /\.(?:tsx?|lua|mjs|py|c|css|ya?ml)$/.test(file));
    const files = new Set(tracked);
    const found = [...pages, ...sources].map(([file, text]) => [file, unknownFiles(file, text, files)] as const);
    expect(found.filter(([, names]) => names.length > 0)).toEqual([]);
  });

  it.each([
    ['a/b.ts', '// See gone.ts, here.ts and ./here.ts.', ['gone.ts']],
    ['a/b.lua', '-- as in c/gone.lua', ['c/gone.lua']],
    ['a/b.ts', ' * In a/here.ts, `<name>/handler.ts` and https://x.org/y.md', []],
    ['docs/x.md', 'See `a/gone.ts`, `a/here.ts` and `production.ts`.', ['a/gone.ts']],
  ])('%s: the names in %j are looked up', (from, text, expected) => {
    expect(unknownFiles(from, text, new Set(['a/here.ts']))).toEqual(expected);
  });

  it.each([
    [`/${'work'}/app/lib/x.ts`, ['a path of one machine']],
    ['see /root/.npmrc', ['a path of one machine']],
    ['"/home/ann/x"', ['a path of one machine']],
    ['cat /tmp/x', ['a temporary path']],
    ['https://registry.example.org/x', ['a registry']],
    ['https://host/repository/npm/x', ['a registry']],
    ['https://github.com/x/root/y and ./tmp/x, x/root/x, dist/root/', []],
  ])('%s is judged as %j', (text, expected) => {
    expect(strangersIn(text)).toEqual(expected);
  });
});

describe('packages', () => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(repository, file), 'utf8'));

  it('have exact versions', () => {
    const versions = z.record(z.string(), z.string()).default({});
    const manifest = z.object({ dependencies: versions, devDependencies: versions }).parse(read('package.json'));
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('are locked by hash and without the address that they came from', () => {
    const entry = z.object({
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
    });
    const lock = z.object({ packages: z.record(z.string(), entry) }).parse(read('package-lock.json'));
    const packages = Object.entries(lock.packages).filter(
      ([path, { link }]) => path.startsWith('node_modules/') && !link,
    );
    expect(packages.length).toBeGreaterThan(10);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });
});
