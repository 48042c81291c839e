import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { repository } from '../kit/process.ts';

const page = readFileSync(join(repository, 'docs/redis-keys.md'), 'utf8');
/** Without what stands for an id: `user:<id>` is `user:`. */
const documented = new Set([...page.matchAll(/^\| `([a-z_:]+)(?:<[^|]*)?` \|/gm)].map(([, name]) => name));
/** Deleted where a script begins that may run in a full store: there is never such a key. */
const NEVER_THERE = 'none';

test('every key has a row in docs/redis-keys.md: those that have a function, and those that scripts name', () => {
  const made = Object.entries(keysOf('') as unknown as Record<string, unknown>)
    .filter(([name]) => name !== 'prefix')
    .map(([, key]): unknown => (typeof key === 'function' ? (key as (...parts: string[]) => string)('', '') : key))
    .map((key) => String(key).replace(/::?$/, ':'));
  const scripts = globSync('{contract,functions}/**/*.lua', { cwd: repository });
  expect(scripts.length).toBeGreaterThan(40);
  const named = scripts.flatMap((path) =>
    [...readFileSync(join(repository, path), 'utf8').matchAll(/\bP \.\. '([a-z_:]+)/g)].map(([, name]) => name),
  );
  const all = [...made, ...named].filter((name) => name !== NEVER_THERE && name !== '');
  expect([...new Set(all)].filter((name) => name === undefined || !documented.has(name))).toEqual([]);
});
