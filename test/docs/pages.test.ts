import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { repository, startProcess } from '../kit/process.ts';
import { LANGUAGES, NOT_RUN, OWN_TESTS } from './arrangements.ts';
import { type Fence, fencesOf, pages, readPage, titleOf } from './support/fences.ts';

const all = pages.flatMap(fencesOf);
const marked = all.filter(({ marks }) => marks.length > 0);
const titled = (fences: readonly Fence[]): [string, Fence][] => fences.map((fence) => [titleOf(fence), fence]);

test('every block names its language', () => {
  expect(all.filter(({ language }) => !LANGUAGES.includes(language)).map(titleOf)).toEqual([]);
});

test('exactly the listed blocks are not run', () => {
  const beginning = ({ page, marks, text }: Fence) => `${page} ${marks.join(' ')} ${text}`;
  const nameOf = (fence: Fence) => NOT_RUN.find((entry) => beginning(fence).startsWith(entry)) ?? titleOf(fence);
  expect(marked.map(nameOf).sort()).toEqual([...NOT_RUN].sort());
});

test('blocks that name a test have it', () => {
  for (const [blocks, file] of Object.entries(OWN_TESTS)) {
    expect([blocks, existsSync(join(repository, file))]).toEqual([blocks, true]);
    expect(all.filter(({ page, language }) => `${page} ${language}` === blocks).length, blocks).toBeGreaterThan(0);
  }
});

test.each(titled(all.filter(({ language }) => language === 'json')))('is JSON: %s', (_, { text }) => {
  expect(() => JSON.parse(text)).not.toThrow();
});

test.each(titled(marked.filter(({ language }) => language === 'sh')))(
  'has commands that exist: %s',
  async (_, { text }) => {
    const check = startProcess('bash', ['-nc', text]);
    expect([await check.exit, check.output()]).toEqual([{ code: 0, signal: null }, '']);
  },
);

test('every npm script that a page names exists', async () => {
  const { scripts } = (await import('../../package.json', { with: { type: 'json' } })).default;
  const named = pages.flatMap((page) =>
    [...readPage(page).matchAll(/npm run ([a-z][a-z:]*)/g)].map(([, script = '']) => [page, script]),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(([, script = '']) => !Object.hasOwn(scripts, script))).toEqual([]);
});

test('every route that a page names exists', () => {
  const known = new Set<string>([
    ...routes.map(({ method, path }) => `${method} ${path}`),
    ...['/healthz', '/readyz', '/metrics'].map((path) => `GET ${path}`),
  ]);
  const named = pages.flatMap((page) =>
    [...readPage(page).matchAll(/`((?:GET|POST|PUT|DELETE) \/[^`?]*)[^`]*`/g)].map(([, route = '']) => [page, route]),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(([, route = '']) => !known.has(route))).toEqual([]);
});

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...readPage(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each([...pages])('the links of %s resolve', (page) => {
  const links = [...readPage(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const dead = links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(repository, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor);
  });
  expect(dead).toEqual([]);
});

test('the front page of the documents leads to every one of them', () => {
  const front = readPage('docs/README.md');
  const pagesOfDocs = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pagesOfDocs.filter((page) => !front.includes(`(${page.replace('docs/', '')})`))).toEqual([]);
});
