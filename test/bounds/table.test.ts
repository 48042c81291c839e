import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { routeWork } from '../../contract/store/scripts/route.ts';
import { progressWork } from '../../contract/store/scripts/settle.ts';
import { inSteps, STEP_WORK, takeOutWork, workOf } from '../../contract/store/work.ts';
import { parseConfig } from '../../gateway/config.ts';
import { repository } from '../kit/process.ts';

const page = readFileSync(join(repository, 'docs/architecture.md'), 'utf8');
const config = parseConfig({ REDIS_URL: 'redis://127.0.0.1' });

/** The units that the table of the page names for a thing. */
function units(what: string): number {
  const row = page.split('\n').find((line) => line.startsWith(`| ${what} |`));
  return Number(row?.split('|')[3]?.trim().replaceAll(',', ''));
}

test('the table of the most that one thing can cost is that of the default limits', () => {
  const { maxRecipients, maxFrameBytes, maxQueueRecipients } = config;
  const group = workOf(maxRecipients, maxFrameBytes);
  expect(units('frame 2, single')).toBe(Math.round(workOf(1, maxFrameBytes)));
  expect(units('frame 3, group')).toBe(Math.round(group));
  expect(units('`POST /send-command`')).toBe(Math.round(group));
  expect(units('queue entry')).toBe(Math.round(workOf(maxQueueRecipients, maxFrameBytes)));
  expect(units('withdrawal of a request')).toBe(Math.round(maxRecipients * takeOutWork(maxFrameBytes)));
  expect(units('step through kept records')).toBe(STEP_WORK);
  expect(units('page of a mailbox')).toBe(Math.round(workOf(0, 262_144 + maxFrameBytes)));
  expect(units('step of a burial')).toBe(STEP_WORK);
  expect(units('step of the sweep')).toBe(STEP_WORK);
});

test('the size of a text is that of its bytes, and a group is a call of its own', () => {
  const [letters, characters] = ['x'.repeat(600), '好'.repeat(200)];
  for (const work of [
    (body: string) => routeWork({ to: ['a', 'b'], body }),
    (reply: string) => progressWork({ ask: '1', userId: 'a', reply }),
  ])
    expect(work(characters)).toBe(work(letters));
  expect(routeWork({ to: [], group: 'all', body: '{}' })).toBe(STEP_WORK);
});

test('commands are put together up to the bound; one that is larger goes alone', () => {
  expect(inSteps([1_000, 3_000, 2_000, 9_000, 1], (units) => units)).toEqual([[1_000, 3_000], [2_000], [9_000], [1]]);
  expect(inSteps([], () => 1)).toEqual([]);
});
