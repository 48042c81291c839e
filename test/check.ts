// npm run check: format, lint, types and import direction, all at once. Without Redis, in seconds.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from '../local/redis/run.ts';
import { repository } from './kit/process.ts';

const bin = (name: string): string => join(repository, 'node_modules/.bin', name);

/** Only what has changed since the last check is looked at again. */
const types = (project: string, name: string): readonly string[] => {
  const known = join(repository, 'node_modules/.cache', `${name}.tsbuildinfo`);
  return [bin('tsc'), '--noEmit', '--incremental', '--tsBuildInfoFile', known, '-p', project];
};

const steps: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'format and lint', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: types(repository, 'types') },
  { name: 'types of the console page', command: types('functions/console/page', 'console-page-types') },
  { name: 'architecture', command: [bin('vitest'), 'run', '--project', 'architecture'] },
];

/** Of a machine that does much else at the time; alone, each takes seconds. */
const STEP_TIMEOUT_MS = 400_000;

const startedAt = performance.now();
process.chdir(repository);

async function runStep({ name, command }: (typeof steps)[number]): Promise<boolean> {
  const [file = '', ...args] = command;
  const { code, output } = await run(file, args, { timeoutMs: STEP_TIMEOUT_MS });
  const ending = code === null ? `ended by a signal, or not done within ${STEP_TIMEOUT_MS / 1000} s\n` : '';
  process.stdout.write(code === 0 ? `ok   ${name}\n` : `FAIL ${name}\n${output}${ending}\n`);
  return code === 0;
}

const pending = [...steps];
let failed = 0;
async function work(): Promise<void> {
  for (let step = pending.shift(); step !== undefined; step = pending.shift()) {
    if (!(await runStep(step))) failed++;
  }
}
await Promise.all(Array.from({ length: Math.min(steps.length, availableParallelism()) }, work));

process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
process.stdout.write(`${steps.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
