import type { DeployedStack } from '../../cli/support/aws.ts';

/** One stack of its own, in one region, and what is asked of it. */
export interface Job {
  readonly name: string;
  readonly kind: string;
  readonly tests: readonly string[];
}

/** What the runner itself cannot do: the account's side of a job. */
export interface Steps {
  deploy(job: Job, region: string, signal: AbortSignal): Promise<DeployedStack>;
  test(name: string, stack: DeployedStack): Promise<string>;
  /** Also after a deployment that failed half-way. Resolves with a word about it when nothing is left. */
  teardown(job: Job, region: string): Promise<string>;
}

export interface Options {
  readonly regions: readonly string[];
  /** The stacks stay, for a look at them. */
  readonly keep: boolean;
  /** Aborted: what runs is left, stacks that are up are torn down, and nothing more begins. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

export interface Sum {
  passed: number;
  failed: number;
  /** Stacks that could not be deployed. */
  notDeployed: string[];
  /** Stacks that are still there against all intent: they cost money. */
  left: string[];
}

/**
 * Each region takes the next job when it is free, so that more regions take less time; within a region one stack follows the
 * other. Whatever happens to a job, its stack is torn down, unless it was to be kept.
 */
export async function runJobs(jobs: readonly Job[], steps: Steps, options: Options): Promise<Sum> {
  const waiting = [...jobs];
  const sum: Sum = { passed: 0, failed: 0, notDeployed: [], left: [] };
  await Promise.all(
    options.regions.map(async (region) => {
      while (!options.signal.aborted) {
        const job = waiting.shift();
        if (job === undefined) return;
        await runJob(job, region, steps, options, sum);
      }
    }),
  );
  return sum;
}

async function runJob(job: Job, region: string, steps: Steps, options: Options, sum: Sum): Promise<void> {
  const { signal, keep } = options;
  const say = (line: string): void => options.say(`[${region} ${job.kind}] ${line}`);
  const label = `${job.name} in ${region}`;
  try {
    say(`deploying ${job.name}`);
    const stack = await steps.deploy(job, region, signal).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      say(`FAIL deployment: ${text(error)}`);
      sum.notDeployed.push(label);
      return undefined;
    });
    if (stack !== undefined) await runTests(job.tests, stack, steps, { ...options, say }, sum);
  } finally {
    if (keep) {
      say(`${job.name} stays, as asked: npm run test:account -- --stack ${job.name} --region ${region} --teardown`);
    } else {
      await steps.teardown(job, region).then(
        (found) => say(`ok   teardown: ${found}`),
        (error: unknown) => {
          say(`FAIL teardown: ${text(error)}`);
          sum.left.push(label);
        },
      );
    }
  }
}

/** One after the other; a test that fails does not keep the next one from running. */
export async function runTests(
  tests: readonly string[],
  stack: DeployedStack,
  steps: Pick<Steps, 'test'>,
  { signal, say }: Pick<Options, 'signal' | 'say'>,
  sum: Sum,
): Promise<void> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  aborted.catch(() => undefined);
  for (const name of tests) {
    if (signal.aborted) return;
    const startedAtMs = performance.now();
    try {
      const found = await Promise.race([steps.test(name, stack), aborted]);
      say(`ok   ${name} (${Math.round((performance.now() - startedAtMs) / 1000)} s): ${found}`);
      sum.passed += 1;
    } catch (error) {
      say(`FAIL ${name}: ${text(error)}`);
      sum.failed += 1;
    }
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const Exit = { passed: 0, failed: 1, usage: 2, stack: 3 } as const;

/** A stack that is left matters most: it costs money until somebody removes it. */
export function exitCodeOf({ failed, notDeployed, left }: Sum): number {
  if (left.length > 0 || notDeployed.length > 0) return Exit.stack;
  return failed > 0 ? Exit.failed : Exit.passed;
}
