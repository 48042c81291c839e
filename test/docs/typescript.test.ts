import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compile, compilePackage } from '../kit/compiled-package.ts';
import { repository, startProcess } from '../kit/process.ts';
import { OWN_TESTS, PRELUDES } from './arrangements.ts';
import { type Fence, fencesOf, pages, titleOf } from './support/fences.ts';

/** Blocks of TypeScript: compiled against the package as it is published, and run. */
const all = pages.flatMap(fencesOf);
const blocks = all.filter(({ language }) => language === 'ts');
const fileOf = ({ page, line }: Fence) => `${page.replaceAll(/\W/g, '-')}-${line}.ts`;

/** The repository, as far as a reader's file beside package.json sees it, with the compiled package in `dist`. */
const folder = mkdtempSync(join(tmpdir(), 'fronttcp-blocks-'));
beforeAll(async () => {
  for (const name of readdirSync(repository)) {
    if (name !== 'dist' && !name.startsWith('.')) symlinkSync(join(repository, name), join(folder, name));
  }
  await compilePackage(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the compiler takes every block', async () => {
  for (const fence of blocks) {
    writeFileSync(join(folder, fileOf(fence)), (PRELUDES[fence.page] ?? '') + fence.text);
  }
  expect(blocks.length).toBeGreaterThan(4);
  await compile(folder, {
    extends: join(repository, 'tsconfig.json'),
    compilerOptions: { noUnusedLocals: false, typeRoots: [join(repository, 'node_modules/@types')] },
    files: blocks.map(fileOf),
    include: [],
  });
}, 120_000);

/** The events that the page of the upstream function shows are given to the function that it shows. */
const eventsOf = (page: string): unknown[] =>
  page === 'docs/upstream.md'
    ? all.filter((fence) => fence.page === page && fence.language === 'json').map(({ text }) => JSON.parse(text))
    : [];
const PRINTS: Readonly<Record<string, (fence: Fence) => string>> = {
  'docs/upstream.md': () => '{"reply":{"celsius":21.5}}',
  // The next block of the page, to the letter.
  'docs/scaling.md': (fence) => all[all.indexOf(fence) + 1]?.text ?? 'a block',
};

const others = blocks.filter(({ page, language }) => OWN_TESTS[`${page} ${language}`] === undefined);
test.each(others.map((fence) => [titleOf(fence), fence] as const))('runs: %s', async (_, fence) => {
  const file = join(folder, `run-${fileOf(fence)}`);
  writeFileSync(file, fence.text);
  const driver = `const { handler } = await import(${JSON.stringify(file)});
for (const event of ${JSON.stringify(eventsOf(fence.page))}) console.log(JSON.stringify(await handler(event)));`;
  const running = startProcess(process.execPath, ['--input-type=module', '-e', driver]);
  expect((await running.exit).code, running.output()).toBe(0);
  expect(running.output()).toContain(PRINTS[fence.page]?.(fence) ?? '');
});
