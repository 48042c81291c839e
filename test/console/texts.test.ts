import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { en } from '../../functions/console/page/texts/en.ts';
import { zh } from '../../functions/console/page/texts/zh.ts';

const page = new URL('../../functions/console/page/', import.meta.url);
const keys = Object.keys(en) as (keyof typeof en)[];

test('both languages have the same texts, in the same order', () => {
  expect(Object.keys(zh)).toEqual(keys);
});

test('both languages put the same values into a text', () => {
  const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
  for (const key of keys) expect(holes(zh[key]), key).toEqual(holes(en[key]));
});

test('no text is empty, and Chinese ones are Chinese', () => {
  const alike = keys.filter((key) => en[key] === zh[key]);
  expect(alike).toEqual(['compose.shortcut']);
  for (const key of keys) expect(zh[key].trim(), key).not.toBe('');
});

test('every counted text has both forms', () => {
  for (const key of keys.filter((one) => one.endsWith('.one'))) {
    expect(keys, key).toContain(key.replace(/one$/, 'other'));
  }
});

test('every text is used by the page', () => {
  const sources = readdirSync(page, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/^texts[\\/](en|zh)[\\/.]/.test(name))
    .map((name) => readFileSync(new URL(name, page), 'utf8'))
    .join('\n');
  // `login.${…}` uses every text below `login.`, and a counted text is named without its form.
  const families = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map(([, stem]) => String(stem));
  const isUsed = (key: string) =>
    [key, key.replace(/\.(one|other)$/, '')].some((name) => sources.includes(`'${name}'`)) ||
    families.some((stem) => key.startsWith(stem));
  expect(keys.filter((key) => !isUsed(key))).toEqual([]);
});
