// npm test: every test, on a Redis that it starts itself (test/kit/global-setup.ts). Arguments go to vitest:
// `npm test -- --project gateway`. The last line is the sum: "N passed, N failed".
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { endWithUs } from '../local/end-with-us.ts';
import { copiesDir } from '../local/programs/copies-dir.ts';
import { type Counts, countReport, formatCounts } from './kit/counts.ts';
import { needs, provide } from './kit/needs.ts';
import { repository } from './kit/process.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const args = process.argv.slice(2);
const isLong = args.some((arg, at) => arg === '--project=long' || (arg === '--project' && args[at + 1] === 'long'));
const hasFiles = (area: string): boolean =>
  globSync(`test/${area}/**/*.test.ts`, { cwd: repository }).some((file) => file.endsWith('.long.test.ts') === isLong);

/**
 * Areas whose program is missing are left out and named, never counted as passed. Where it could have been installed
 * and was not, that is a failure; where this machine cannot have it, the line NOT RUN is all that can be said.
 */
async function missingAreas(): Promise<{ exclude: string[]; failed: number; notes: string[] }> {
  const exclude: string[] = [];
  const notes: string[] = [];
  let failed = 0;
  for (const need of needs) {
    if (!hasFiles(need.area)) continue;
    const provided = await provide(need, process.env, say);
    if (provided.state === 'there') continue;
    exclude.push(need.area);
    notes.push(`NOT RUN: ${need.area} (${provided.why})`);
    if (provided.state === 'failed') failed++;
  }
  return { exclude, failed, notes };
}

/** Copies of programs (local/programs) come last: what the system has is taken first. */
const pathWithCopies = (): string => [process.env.PATH ?? '', join(copiesDir(), 'bin')].join(delimiter);

async function runVitest(args: readonly string[], leftOut: readonly string[]): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-test-'));
  const file = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  // What tests leave in the folder for temporary files goes with ours.
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  // Some tests run programs as a user without rights.
  await chmod(folder, 0o711);
  // What Node has compiled once (TypeScript without its types, aws-cdk-lib) it need not compile again, in any process of any run.
  const env = {
    NODE_COMPILE_CACHE: join(repository, 'node_modules/.cache/compiled'),
    ...process.env,
    TMPDIR: temporary,
    PATH: pathWithCopies(),
    FRONTTCP_TEST_WITHOUT: leftOut.join(),
  };
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: repository,
    stdio: 'inherit',
    env,
  });
  endWithUs(child);
  // A terminal's Ctrl-C reaches vitest by itself; a signal to this process alone is handed on.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  try {
    return countReport(JSON.parse(await readFile(file, 'utf8')), code);
  } catch (error) {
    say(`vitest ended with ${code ?? 'a signal'} and left no report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) => say(`left behind: ${String(error)}`));
  }
}

const { exclude, failed, notes } = await missingAreas();
const counts = await runVitest(args, exclude);
const total = { passed: counts.passed, failed: counts.failed + failed };
for (const note of notes) say(note);
say(formatCounts(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
