import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from '../support/paths.ts';

const cpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.int(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.int() }),
    }),
  ),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
  /** µs of the monotonic clock, the one of `process.hrtime`. */
  startTime: z.number(),
});

interface SelfTime {
  /** `function file:line`, or V8's own name such as `(garbage collector)`. */
  readonly name: string;
  /** Of the time in which the process was not idle. */
  readonly percent: number;
}

/** µs of the monotonic clock. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** Where the time of the window went, the most expensive first. Of a profile as `node --cpu-prof` writes it. */
export function selfTimes(text: string, { from, to }: Window): SelfTime[] {
  const { nodes, samples, timeDeltas, startTime } = cpuProfile.parse(JSON.parse(text));
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  let at = startTime;
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    const delta = timeDeltas[i] ?? 0;
    at += delta;
    if (name === '(idle)' || at < from || at > to) continue;
    busy += delta;
    times.set(name, (times.get(name) ?? 0) + delta);
  }
  return [...times]
    .map(([name, time]) => ({ name, percent: (100 * time) / busy }))
    .sort((a, b) => b.percent - a.percent);
}

function nameOf({ functionName, url, lineNumber }: { functionName: string; url: string; lineNumber: number }): string {
  if (url === '') return functionName;
  const file = url
    .replace(/^file:\/\//, '')
    .replace(root, '')
    .replace(/^node_modules\//, '');
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}

/** The last profile that was written into the folder, in short. */
export async function describeLastProfile(folder: string, window: Window, count = 20): Promise<string> {
  const last = (await readdir(folder))
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1);
  if (last === undefined) return 'no profile was written';
  const times = selfTimes(await readFile(join(folder, last), 'utf8'), window);
  const rows = times.slice(0, count).map(({ name, percent }) => `${percent.toFixed(1).padStart(6)} %  ${name}`);
  return [`profile ${join(folder, last)}`, ...rows].join('\n');
}
