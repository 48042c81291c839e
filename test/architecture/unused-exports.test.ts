import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository } from '../kit/process.ts';
import { unusedExports } from './unused-exports.ts';

/** Loaded by others than our own files: users of the packages, Lambda, its client in tests, and readers of docs/upstream.md. */
const ENTRY =
  /^(?:sdk\/(?:client\/(?:connect|errors)|upstream\/index)\.ts|lib\/front-tcp\.ts|functions\/[^/]+\/handler\.ts|test\/kit\/lambda\/transport\.ts|examples\/)/;

/** In tests and benchmarks a type may be exported for its readers alone. */
const PRODUCT = /^(?!test\/|bench\/)/;

it('every export is imported somewhere: remove the word `export`, or the whole definition', () => {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
    .split('\0')
    .filter((file) => /\.(?:tsx?|mjs)$/.test(file) && existsSync(join(repository, file)));
  expect(files.length).toBeGreaterThan(200);
  const texts = new Map(files.map((file) => [file, readFileSync(join(repository, file), 'utf8')]));
  const entries = new Set(files.filter((file) => ENTRY.test(file)));
  const isType = (found: string) => /: (?:type|interface) /.test(found);
  const unused = unusedExports(texts, files, entries).filter((found) => PRODUCT.test(found) || !isType(found));
  expect(unused).toEqual([]);
});

it('an unused export is reported; one that is imported by name, as a whole or as a type is not', () => {
  const texts = new Map([
    ['a/used.ts', 'export const one = 1;\nexport interface Two {}\nexport async function three() {}\n'],
    ['a/user.ts', "import { one, type Two as Deux } from './used.ts';\nexport class Four {}\n"],
    ['b/whole.ts', 'export const five = 5;\n'],
    ['b/user.ts', "import * as whole from './whole.ts';\nconst six = await import('../a/user.ts');\n"],
    ['entry.ts', 'export const handler = 1;\n'],
  ]);
  expect(unusedExports(texts, [...texts.keys()], new Set(['entry.ts']))).toEqual(['a/used.ts: function three']);
});
