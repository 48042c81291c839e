import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { failureWord, INTERNAL_WORD } from '../../cli/support/failure.ts';
import { nextStepOf } from '../../cli/support/next-steps.ts';
import { Refusals } from '../../contract/wire/refusals.ts';
import { errorWord } from '../../functions/http/error-word.ts';
import { repository } from '../kit/process.ts';

const page = readFileSync(join(repository, 'docs/errors.md'), 'utf8');

function wordsOf(heading: string): string[] {
  const [section = ''] = page.split(`## ${heading}\n`)[1]?.split('\n## ') ?? [];
  return [...section.matchAll(/^\| `(\w+)` \| \S/gm)].map(([, word]) => String(word)).sort();
}

test('the page of errors has every word of the HTTP API, and no other', () => {
  expect(wordsOf('Over HTTP')).toEqual([...errorWord.options].sort());
});

test('the page of errors has every word of frame 111, and no other', () => {
  expect(wordsOf('Over TCP (111)')).toEqual(Object.keys(Refusals).sort());
});

test('the page of errors has every word of the command line, and no other', () => {
  expect(wordsOf('On the command line')).toEqual([...Object.values(failureWord), INTERNAL_WORD].sort());
});

test.each([
  ['http', [...errorWord.options]],
  ['tcp', Object.keys(Refusals)],
] as const)('the command line has a next step for every error word over %s', (way, words) => {
  const sentences = words.map((word) => [word, nextStepOf(word, way)] as const);
  expect(sentences.filter(([, sentence]) => !/^[A-Z][^`|]+\.$/.test(sentence ?? ''))).toEqual([]);
  expect(nextStepOf('a_word_of_a_newer_server', way)).toBeUndefined();
});

/** What the API is pinned to by its description: programs rely on these words. */
const PINNED = [
  ...[
    'unknown_user',
    'unknown_group',
    'away',
    'replaced',
    'cancelled',
    'expired',
    'too_large',
    'cannot_acknowledge',
    'cannot_reply',
  ],
  ...['store_full', 'store_credentials', 'store_unavailable'],
];

test("the API's published error words are present", () => {
  expect(wordsOf('Over HTTP')).toEqual(expect.arrayContaining(PINNED));
});
