import { expect, it } from 'vitest';
import { countReport, formatCounts } from './counts.ts';

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
