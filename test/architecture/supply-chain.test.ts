import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { packages, thirdParty } from '../../scripts/licences.ts';
import { repository } from '../kit/process.ts';

const read = (file: string) => readFileSync(join(repository, file), 'utf8');

/** Licences that may be used beside Apache-2.0 without a word more. */
const KNOWN =
  /^(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0|MPL-2\.0|MIT OR [\w.-]+|\(MIT OR [\w.-]+\)|\([\w.-]+ OR MIT\)|CC-BY-4\.0)$/;

describe('packages', () => {
  it('are listed with their licences in THIRD_PARTY.md (npm run licences)', () => {
    expect(read('THIRD_PARTY.md')).toBe(thirdParty());
  });

  it('have licences that may be used', () => {
    expect(packages().filter(({ licence }) => !KNOWN.test(licence))).toEqual([]);
  });

  it('have exact versions, and are locked by hash', () => {
    const versions = z.record(z.string(), z.string());
    const manifest = z.object({ dependencies: versions, devDependencies: versions });
    const { dependencies, devDependencies } = manifest.parse(JSON.parse(read('package.json')));
    const named = Object.entries({ ...dependencies, ...devDependencies });
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
    // What a package brings along inside itself stands under that package's hash.
    const entry = z.looseObject({
      integrity: z.string().optional(),
      inBundle: z.boolean().optional(),
      link: z.boolean().optional(),
    });
    const lock = z.object({ packages: z.record(z.string(), entry) });
    const { packages: locked } = lock.parse(JSON.parse(read('package-lock.json')));
    // The packages of this repository itself have no hash: they are folders of it.
    const foreign = Object.entries(locked).filter(([path, { link }]) => path.includes('node_modules/') && !link);
    const loose = foreign.filter(([, { integrity, inBundle }]) => !integrity && !inBundle);
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  it('that are deployed have licences that do not require giving sources', () => {
    expect(packages().filter(({ isDev, licence }) => !isDev && /MPL|GPL|CC-BY/.test(licence))).toEqual([]);
  });

  it('only the packages that are named run a script when they are installed', () => {
    const { allowScripts } = z
      .object({ allowScripts: z.record(z.string(), z.boolean()) })
      .parse(JSON.parse(read('package.json')));
    const installing = packages().filter(({ installs }) => installs);
    const unnamed = installing.filter(({ name }) => allowScripts[name] !== true && name !== 'fsevents');
    expect(unnamed).toEqual([]);
    for (const name of Object.keys(allowScripts)) expect(read('docs/security.md')).toContain(`\`${name}\``);
  });
});

describe('the threat model of SECURITY.md', () => {
  const rows = read('SECURITY.md')
    .split('\n')
    .flatMap((line) => {
      const [, file, name] = /\| `(test\/[^`]+)` › (.+?) \|$/.exec(line) ?? [];
      return file === undefined || name === undefined ? [] : [[file, name] as const];
    });

  it('has a row for each threat, each with its test', () => {
    const lines = read('SECURITY.md')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2);
    expect(rows.length).toBeGreaterThan(25);
    expect(lines.length).toBe(rows.length);
  });

  it.each(rows)('%s › %s is there', (file, name) => {
    expect(existsSync(join(repository, file))).toBe(true);
    expect(read(file).replaceAll("\\'", "'")).toContain(name);
  });
});
