import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parts, partsNamed, partsOf, sampleOf } from './long-parts.ts';
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

const hash = (at: number) => ((at * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0');

it('a commit always has the same part, and every part has its commits', () => {
  expect(partsOf('0000000aff')[0]).toBe(parts[10]);
  const chosen = Array.from({ length: 400 }, (_, at) => partsOf(hash(at))[0]);
  expect(new Set(chosen).size).toBe(parts.length);
});

it('a commit always has the same two planted bugs, and every bug has its commits', () => {
  const command = partsOf('0000000aff')[1]?.command.join(' ');
  expect(command).toBe('test/faults/mutations.ts --sample 2 --commit 0000000aff');
  const bugs = ['a', 'b', 'c', 'd', 'e'];
  expect(sampleOf(bugs, 2, '0000000aff')).toEqual(['a', 'c']);
  const chosen = Array.from({ length: 100 }, (_, at) => sampleOf(bugs, 2, hash(at)));
  expect(chosen.every((two) => new Set(two).size === 2)).toBe(true);
  expect(new Set(chosen.flat()).size).toBe(bugs.length);
});

it('refuses an invalid commit, and names of unknown parts', () => {
  expect(() => partsOf('main')).toThrow('main is not the hash of a commit');
  expect(() => partsNamed(['drill', 'dril'])).toThrow(/there is no dril; there are drill, /);
});
