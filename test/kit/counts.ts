import { z } from 'zod';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** What vitest's JSON reporter writes, as far as it is counted. */
const reportSchema = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({ name: z.string(), status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

/**
 * Counts a vitest report. What is no pass is a failure: a skipped test too, a file that could not be loaded, and a run
 * that vitest itself calls failed though every test passed (an unhandled rejection).
 */
export function countReport(json: unknown, exitCode: number | null): Counts {
  const report = reportSchema.parse(json);
  let passed = 0;
  let failed = 0;
  for (const file of report.testResults) {
    for (const { status } of file.assertionResults) {
      if (status === 'passed') passed++;
      else failed++;
    }
    if (file.status === 'failed' && file.assertionResults.every(({ status }) => status === 'passed')) failed++;
  }
  if (failed === 0 && (exitCode !== 0 || !report.success)) failed = 1;
  return { passed, failed };
}

/** Counts what a runner printed: its closing line, or one for the whole run where there is none. */
export function countLines(output: string, exitCode: number | null): Counts {
  const [, passed, failed] =
    /^(\d+) passed, (\d+) failed$/m.exec(output.slice(output.trimEnd().lastIndexOf('\n') + 1)) ?? [];
  const counts = { passed: Number(passed ?? (exitCode === 0 ? 1 : 0)), failed: Number(failed ?? 0) };
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

export function formatCounts({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`;
}
