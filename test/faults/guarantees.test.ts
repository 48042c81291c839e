import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../kit/process.ts';

/** docs/guarantees.md names what shows each promise; what it names has to be there. */
const document = readFileSync(join(repository, 'docs/guarantees.md'), 'utf8').replaceAll(/\s+/g, ' ');
const mutations: { name: string; edits: { file: string; find: string }[] }[] = JSON.parse(
  readFileSync(join(repository, 'test/faults/mutations.json'), 'utf8'),
);
const tests = readdirSync(join(repository, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => basename(path, '.test.ts'));
const checker = ['run-seed.ts', 'checks.ts', 'store-checks.ts', 'stalled.ts', 'asking/checks.ts']
  .map((file) => readFileSync(join(repository, 'test/faults', file), 'utf8'))
  .join('\n');

test('every mutation that it names is planted', () => {
  const named = [...document.matchAll(/mutations? ((?:\*[^*]+\*(?:, )?)+)/g)].flatMap(([, list]) =>
    [...(list ?? '').matchAll(/\*([^*]+)\*/g)].map(([, name]) => (name ?? '').replace(/ …$/, '')),
  );
  expect(named.length).toBeGreaterThan(8);
  for (const name of named) expect(mutations.map((one) => one.name)).toContainEqual(expect.stringContaining(name));
});

test('every check and every test that it names exists', () => {
  const checks = [...document.matchAll(/`(check\w+)`/g)].map(([, name]) => name ?? '');
  expect(checks.length).toBeGreaterThan(8);
  for (const name of checks) expect(checker).toMatch(new RegExp(`function ${name}\\(`));
  const named = [...document.matchAll(/`([a-z-]+)`/g)]
    .map(([, name]) => name ?? '')
    .filter((name) => !WORDS.includes(name));
  expect(named).toEqual(expect.arrayContaining(['away', 'durability', 'failover', 'faults', 'stalled', 'withdrawal']));
  for (const name of named)
    expect([...tests, 'stalled', 'silent', 'overtaking', 'asking', 'calm', 'upgrade']).toContain(name);
});

/** What stands in backquotes and is no test. */
const WORDS: readonly string[] = [
  'ack',
  'acknowledged',
  'always',
  'connected',
  'disconnected',
  'everysec',
  'expired',
  'lost',
  'ref',
  'replaced',
  'replaces',
  'sync',
  'written',
];

test('at least ten bugs are planted, and each still applies to the sources', () => {
  expect(mutations.length).toBeGreaterThanOrEqual(10);
  for (const { file, find } of mutations.flatMap(({ edits }) => edits)) {
    const parts = readFileSync(join(repository, file), 'utf8').split(find);
    expect(parts.length, `${file} has not once: ${find}`).toBe(2);
  }
});
