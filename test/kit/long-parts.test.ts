import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { partOf, parts, partsNamed } from './long-parts.ts';
import { repository } from './process.ts';

it('every long test file is in a part, and every part is there', () => {
  const covered = parts.flatMap(({ command }) =>
    command.filter((word) => word.startsWith('test/') && word.endsWith('/')),
  );
  const areas = globSync('test/**/*.long.test.ts', { cwd: repository }).map((file) => file.replace(/[^/]+$/, ''));
  expect([...new Set(areas)].sort()).toEqual(covered.sort());
  for (const { command } of parts) expect(existsSync(join(repository, command[0] ?? ''))).toBe(true);
  expect(new Set(parts.map(({ name }) => name)).size).toBe(parts.length);
});

it('a commit always has the same part, and every part has its commits', () => {
  expect(partOf('0000000aff')).toBe(parts[10]);
  const hash = (at: number) => ((at * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0');
  const chosen = Array.from({ length: 400 }, (_, at) => partOf(hash(at)));
  expect(new Set(chosen).size).toBe(parts.length);
});

it('refuses what is no commit, and names of parts that are not there', () => {
  expect(() => partOf('main')).toThrow('main is not the hash of a commit');
  expect(() => partsNamed(['drill', 'dril'])).toThrow(/there is no dril; there are drill, /);
});
