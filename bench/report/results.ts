import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

const column = z.object({
  key: z.string(),
  /** With its unit. */
  label: z.string(),
  better: z.enum(['higher', 'lower', 'neither']),
});

const sample = z.object({
  round: z.int(),
  values: z.record(z.string(), z.number()),
  /** The CPU use of other programs, % of one CPU; undefined where it was not measured. */
  otherCpuPercent: z.number().optional(),
});

const scenarioResult = z.object({
  id: z.string(),
  group: z.string(),
  title: z.string(),
  note: z.string().optional(),
  columns: z.array(column).min(1),
  baseline: z.string().optional(),
  contestants: z.array(
    z.object({ name: z.string(), note: z.string().optional(), error: z.string().optional(), samples: z.array(sample) }),
  ),
});

/** Where and when a result was measured. */
export const origin = z.object({
  format: z.literal(1),
  startedAt: z.string(),
  commit: z.string(),
  hasLocalChanges: z.boolean(),
  machine: z.object({ cpu: z.string(), cpus: z.int(), memoryGiB: z.number(), kernel: z.string(), os: z.string() }),
  node: z.string(),
});

const resultFile = origin.extend({
  versions: z.record(z.string(), z.string()),
  options: z.object({
    isQuick: z.boolean(),
    rounds: z.int(),
    windowSeconds: z.number(),
    niceness: z.number(),
    pinned: z.boolean(),
  }),
  leftOut: z.array(z.object({ name: z.string(), why: z.string() })),
  scenarios: z.array(scenarioResult),
});

export type Column = z.infer<typeof column>;
export type Sample = z.infer<typeof sample>;
export type ScenarioResult = z.infer<typeof scenarioResult>;
export type ResultFile = z.infer<typeof resultFile>;

/** Throws what is wrong with it, when it is not a result of these benchmarks. */
export function parseResults(text: string): ResultFile {
  return resultFile.parse(JSON.parse(text));
}

export async function readResults(path: string): Promise<ResultFile> {
  return parseResults(await readFile(path, 'utf8'));
}

export async function writeResults(path: string, results: ResultFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, undefined, 1)}\n`);
}
