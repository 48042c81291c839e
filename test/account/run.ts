// npm run test:account: what only an account can tell. Without arguments it deploys each stack of test/account/stacks.ts, asks it, and
// removes it again, whatever happens: npm run test:account -- --help has the options. Not part of npm test, which tests this program on
// stand-ins (test/account/*.test.ts).
// The last line is the sum: "N passed, N failed".
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DeployedStack, readStack } from '../../cli/support/aws.ts';
import { formatCounts } from '../kit/counts.ts';
import { deploy, makeBundles, synthesise } from './deployment.ts';
import { Exit, exitCodeOf, type Job, runJobs, runTests, type Sum } from './runner.ts';
import { accountStacks, type StackKind } from './stacks.ts';
import { teardown } from './teardown.ts';
import { accountTests, type TestName, testNames } from './tests.ts';

const USAGE = `npm run test:account -- [options] [test …]

Deploys stacks of its own into the account of your AWS credentials, tests them, and removes them again.

  --list              print the stacks and their tests, and do nothing
  --dry-run           synthesise every stack as it would be deployed; needs no account
  --stacks <a,b>      these stacks only
  --regions <a,b>     in these regions at a time (default: AWS_REGION, or us-east-1)
  --keep              leave the stacks, and say how to remove them
  --built             the bundles are there already: do not make them again

  --stack <name>      test a stack that is there, in --region; it stays, unless:
  --teardown          remove it at the end (it must have been deployed with dataPolicy "destroy")

Exit codes: 0 all passed, 1 a test failed, 2 wrong usage, 3 a stack could not be deployed or removed: its name is printed.
An interrupt (Ctrl-C) removes the stacks first; a second one ends at once.
`;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = Exit.usage;
}
// What an interrupt has left running would keep the process for minutes.
process.exit();

function options() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        list: flag,
        'dry-run': flag,
        stacks: text,
        regions: text,
        keep: flag,
        built: flag,
        stack: text,
        region: text,
        teardown: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = options();
  if (values.help) {
    process.stdout.write(USAGE);
    return Exit.passed;
  }
  const chosen = chosenOf('test', positionals, testNames);
  const defaultRegion = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || 'us-east-1';
  if (values.stack !== undefined) {
    return testStack(values.stack, chosen, values.region, values.teardown, interrupts());
  }
  const kinds = Object.keys(accountStacks) as StackKind[];
  const run = Date.now().toString(36);
  const jobs = chosenOf('stack', values.stacks?.split(',') ?? [], kinds)
    .map((kind): Job => {
      const tests: readonly TestName[] = accountStacks[kind].tests;
      return { kind, name: `FrontTcpTest-${kind}-${run}`, tests: chosen.filter((name) => tests.includes(name)) };
    })
    .filter(({ tests }) => tests.length > 0);
  if (jobs.length === 0) throw new UsageError('no stack of these has a test of these');
  if (values.list) return list(jobs);
  const regions = values.regions?.split(',') ?? [defaultRegion];
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-account-'));
  const signal = interrupts();
  try {
    if (!values.built) await makeBundles(signal);
    return await (values['dry-run']
      ? dryRun(jobs, regions, folder, signal)
      : runAll(jobs, { regions, keep: values.keep, folder, signal }));
  } catch (error) {
    // While the bundles were made.
    if (!signal.aborted) throw error;
    return signal.reason;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In the order of `known`; all of them where none is named. */
function chosenOf<T extends string>(what: string, named: readonly string[], known: readonly T[]): T[] {
  for (const name of named) {
    if (!(known as readonly string[]).includes(name)) {
      throw new UsageError(`there is no ${what} "${name}": ${known.join(', ')}`);
    }
  }
  return named.length === 0 ? [...known] : known.filter((name) => named.includes(name));
}

function list(jobs: readonly Job[]): number {
  for (const { kind, tests } of jobs) {
    say(`${kind}: ${accountStacks[kind as StackKind].what}`);
    for (const name of tests) say(`  ${name.padEnd(14)}${accountTests[name as TestName].what}`);
    say(`  ${'teardown'.padEnd(14)}the stack is deleted, and its end is waited for`);
  }
  return Exit.passed;
}

/** Every stack in every region, since what it lacks in one of them (a layer, a zone) shows here. */
async function dryRun(
  jobs: readonly Job[],
  regions: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<number> {
  let failed = 0;
  for (const region of regions) {
    for (const job of jobs) {
      const problem = await synthesise(job, region, folder, signal).catch((error: Error) => error.message);
      say(
        `[${region} ${job.kind}] ${problem ? `FAIL ${problem}` : `ok   would be deployed for ${job.tests.join(', ')}`}`,
      );
      if (problem) failed += 1;
    }
  }
  say(formatCounts({ passed: jobs.length * regions.length - failed, failed }));
  return failed > 0 ? Exit.failed : Exit.passed;
}

async function runAll(
  jobs: readonly Job[],
  given: { regions: readonly string[]; keep: boolean; folder: string; signal: AbortSignal },
): Promise<number> {
  const { folder, signal } = given;
  const steps = {
    deploy: (job: Job, region: string) => deploy(job, region, folder, signal),
    test: (name: string, stack: DeployedStack) => accountTests[name as TestName].run(stack),
    teardown: (job: Job, region: string) => teardown({ name: job.name, region }),
  };
  return conclude(await runJobs(jobs, steps, { ...given, say }), signal);
}

async function testStack(
  name: string,
  tests: readonly TestName[],
  region: string | undefined,
  removes: boolean,
  signal: AbortSignal,
): Promise<number> {
  const stack = await readStack(name, region);
  const sum: Sum = { passed: 0, failed: 0, notDeployed: [], left: [] };
  await runTests(
    tests,
    stack,
    { test: (test, given) => accountTests[test as TestName].run(given) },
    { signal, say },
    sum,
  );
  if (removes) {
    await teardown(stack).then(
      (found) => say(`ok   teardown: ${found}`),
      (error: Error) => {
        say(`FAIL teardown: ${error.message}`);
        sum.left.push(`${name} in ${stack.region}`);
      },
    );
  }
  return conclude(sum, signal);
}

function conclude(sum: Sum, signal: AbortSignal): number {
  for (const stack of sum.left) say(`STILL THERE, and paid for: ${stack}. Remove it in the console of CloudFormation.`);
  say(formatCounts({ passed: sum.passed, failed: sum.failed + sum.notDeployed.length + sum.left.length }));
  const code = exitCodeOf(sum);
  return signal.aborted && code !== Exit.stack ? (signal.reason as number) : code;
}

/** The first signal ends the tests, and what is up is removed; the second one ends the process. */
function interrupts(): AbortSignal {
  const controller = new AbortController();
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        say('Ended at once: look for stacks that begin with FrontTcpTest.');
        process.exit(code);
      }
      say(`${name}: the stacks are removed now; once more ends at once.`);
      controller.abort(code);
    });
  }
  return controller.signal;
}
