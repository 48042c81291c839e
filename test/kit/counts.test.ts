import { expect, it } from 'vitest';
import { countLines, countReport, formatCounts } from './counts.ts';

const file = (status: string, ...tests: string[]) => ({
  name: 'x.test.ts',
  status,
  assertionResults: tests.map((test) => ({ status: test })),
});
const report = (success: boolean, ...testResults: ReturnType<typeof file>[]) => ({ success, testResults });

it.each([
  ['all passed', report(true, file('passed', 'passed', 'passed')), 0, '2 passed, 0 failed'],
  ['one failed', report(false, file('failed', 'passed', 'failed')), 1, '1 passed, 1 failed'],
  ['a skipped test', report(true, file('passed', 'passed', 'pending')), 0, '1 passed, 1 failed'],
  ['a file that could not be loaded', report(false, file('failed'), file('passed', 'passed')), 1, '1 passed, 1 failed'],
  ['an unhandled rejection', report(false, file('passed', 'passed')), 1, '1 passed, 1 failed'],
  ['a crash after the report', report(true, file('passed', 'passed')), null, '1 passed, 1 failed'],
])('%s', (_, json, exitCode, expected) => {
  expect(formatCounts(countReport(json, exitCode))).toBe(expected);
});

it.each([
  ['a closing line', '1 passed, 0 failed\nthen\n3 passed, 0 failed\n', 0, '3 passed, 0 failed'],
  ['failures', '3 passed, 2 failed\n', 1, '3 passed, 2 failed'],
  ['no closing line', 'all is well\n', 0, '1 passed, 0 failed'],
  ['no closing line and an error', '3 passed, 0 failed\nbroken\n', 1, '0 passed, 1 failed'],
  ['an end after the closing line', '3 passed, 0 failed\n', null, '3 passed, 1 failed'],
])('a run with %s', (_, output, exitCode, expected) => {
  expect(formatCounts(countLines(output, exitCode))).toBe(expected);
});
