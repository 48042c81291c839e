import { expect, it } from 'vitest';
import { runMoves } from './storm.ts';
import { checkMoves } from './storm-checks.ts';

it('row 3: 6,000 plain clients of one gateway connect to another: its work is linear, its lease kept, nothing lost', {
  timeout: 480_000,
}, async () => {
  expect(checkMoves(await runMoves([1_500, 6_000]))).toEqual([]);
});
