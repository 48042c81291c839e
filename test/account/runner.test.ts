import { describe, expect, it } from 'vitest';
import type { DeployedStack } from '../../cli/support/aws.ts';
import { exitCodeOf, type Job, type Options, runJobs, type Steps } from './runner.ts';

const job = (kind: string, tests: readonly string[] = ['one', 'two']): Job => ({ name: `Test-${kind}`, kind, tests });

/** Steps that keep what was done, in order; what is in `fails` throws. */
function recorded(fails: readonly string[] = []) {
  const done: string[] = [];
  const act = async (what: string): Promise<string> => {
    done.push(what);
    await new Promise((resolve) => setImmediate(resolve));
    if (fails.includes(what)) throw new Error(`${what} broke`);
    return 'well';
  };
  const steps: Steps = {
    deploy: async ({ kind }, region) => {
      await act(`deploy ${kind}`);
      return { name: kind, region, status: 'CREATE_COMPLETE', outputs: new Map() };
    },
    test: (name: string, { name: kind }: DeployedStack) => act(`${name} ${kind}`),
    teardown: ({ kind }) => act(`teardown ${kind}`),
  };
  const lines: string[] = [];
  const options = (more: Partial<Options> = {}): Options => ({
    regions: ['eu-west-1'],
    keep: false,
    signal: new AbortController().signal,
    say: (line) => lines.push(line),
    ...more,
  });
  return { done, lines, steps, options };
}

describe('a job', () => {
  it('is deployed, tested in order, and torn down', async () => {
    const { done, steps, options } = recorded();
    const sum = await runJobs([job('a')], steps, options());
    expect(done).toEqual(['deploy a', 'one a', 'two a', 'teardown a']);
    expect(sum).toEqual({ passed: 2, failed: 0, notDeployed: [], left: [] });
    expect(exitCodeOf(sum)).toBe(0);
  });

  it('goes on after a test that failed, and is torn down all the same', async () => {
    const { done, lines, steps, options } = recorded(['one a']);
    const sum = await runJobs([job('a')], steps, options());
    expect(done).toEqual(['deploy a', 'one a', 'two a', 'teardown a']);
    expect(lines).toContain('[eu-west-1 a] FAIL one: one a broke');
    expect(exitCodeOf(sum)).toBe(1);
  });

  it('is torn down when its deployment failed half-way, and none of its tests is run', async () => {
    const { done, steps, options } = recorded(['deploy a']);
    const sum = await runJobs([job('a'), job('b')], steps, options());
    expect(done).toEqual(['deploy a', 'teardown a', 'deploy b', 'one b', 'two b', 'teardown b']);
    expect(sum.notDeployed).toEqual(['Test-a in eu-west-1']);
    expect(exitCodeOf(sum)).toBe(3);
  });

  it('that could not be torn down is named, and counts more than a test that failed', async () => {
    const { steps, options } = recorded(['one a', 'teardown a']);
    const sum = await runJobs([job('a')], steps, options());
    expect(sum.left).toEqual(['Test-a in eu-west-1']);
    expect(exitCodeOf(sum)).toBe(3);
  });

  it('stays when it was to be kept, and the line says how to remove it', async () => {
    const { done, lines, steps, options } = recorded();
    await runJobs([job('a')], steps, options({ keep: true }));
    expect(done).not.toContain('teardown a');
    expect(lines.at(-1)).toContain('--stack Test-a --region eu-west-1 --teardown');
  });
});

it('regions work at a time, and each stack is deployed in one of them', async () => {
  const { done, lines, steps, options } = recorded();
  await runJobs([job('a', []), job('b', []), job('c', [])], steps, options({ regions: ['eu-west-1', 'us-east-1'] }));
  // Both begin before either is done.
  expect(done.slice(0, 2)).toEqual(['deploy a', 'deploy b']);
  expect(done.filter((what) => what.startsWith('deploy'))).toHaveLength(3);
  expect(done.filter((what) => what.startsWith('teardown'))).toHaveLength(3);
  expect(lines).toContain('[us-east-1 b] deploying Test-b');
});

it('an interrupt leaves the test that hangs, tears the stack down, and begins nothing more', async () => {
  const { done, steps, options } = recorded();
  const controller = new AbortController();
  const hangs: Steps = {
    ...steps,
    test: async (name) => {
      done.push(name);
      controller.abort();
      return new Promise(() => undefined);
    },
  };
  await runJobs([job('a'), job('b')], hangs, options({ signal: controller.signal }));
  expect(done).toEqual(['deploy a', 'one', 'teardown a']);
});
