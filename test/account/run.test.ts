import { describe, expect, it } from 'vitest';
import { putProgram, type Replies, standInAws } from '../kit/aws-stand-in.ts';
import { type RunningProcess, startProgram } from '../kit/process.ts';
import { until } from '../kit/until.ts';

const GONE = '\nAn error occurred (ValidationError) when calling the DescribeStacks operation: does not exist';
const deployed = {
  Stacks: [
    {
      StackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/FrontTcpTest/1',
      StackStatus: 'CREATE_COMPLETE',
      Outputs: [],
    },
  ],
};

/** `npm run test:account` with stand-ins for the AWS command line and the CDK's. */
async function start(args: readonly string[], replies: Replies, cdk = '') {
  const aws = await standInAws(replies);
  await putProgram(
    aws.folder,
    'cdk',
    `import { appendFileSync, readFileSync } from 'node:fs';
const args = process.argv.slice(2);
const settings = JSON.parse(readFileSync(args.find((one) => one.startsWith('settings=')).slice(9), 'utf8'));
appendFileSync(${JSON.stringify(`${aws.folder}/calls.jsonl`)}, JSON.stringify(['cdk', args[0], settings.stackName, settings.region, settings.dataPolicy]) + '\\n');
${cdk}`,
  );
  const env = { PATH: aws.path, AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: undefined };
  const run: RunningProcess = startProgram('test/account/run.ts', args, { env });
  return { run, calls: async () => (await aws.calls()).map((call) => call.slice(0, 2).join(' ')), all: aws.calls };
}

describe('without an account', () => {
  it.each([
    [['--list', '--stacks', 'memorydb', 'propagation'], 0, /^memorydb: .*\n {2}propagation .*\n {2}teardown .*\n$/],
    [['--list', 'sigterm'], 0, /valkey[\s\S]*serverless/],
    [['nosuch'], 2, /there is no test "nosuch": firstMessage, accessList/],
    [['--stacks', 'valkey,nosuch'], 2, /there is no stack "nosuch": valkey, serverless, memorydb/],
    [['--nosuch'], 2, /--nosuch[\s\S]*npm run test:account -- /],
    [['--stacks', 'memorydb', 'rotation'], 2, /no stack of these has a test of these/],
    [['--help'], 0, /Exit codes: 0 all passed/],
  ])('%j ends with %i', async (args, code, text) => {
    const { run, calls } = await start(args, {});
    expect((await run.exit).code).toBe(code);
    expect(run.output()).toMatch(text);
    expect(await calls()).toEqual([]);
  });

  it('a dry run synthesises what would be deployed, in every region, and asks AWS nothing', async () => {
    const { run, all } = await start(['--built', '--dry-run', '--regions', 'eu-west-1,us-east-2'], {});
    expect((await run.exit).code, run.output()).toBe(0);
    const calls = await all();
    expect(calls).toHaveLength(6);
    for (const [program, command, , , dataPolicy] of calls) {
      expect([program, command, dataPolicy]).toEqual(['cdk', 'synth', 'destroy']);
    }
    expect(new Set(calls.map(([, , , region]) => region))).toEqual(new Set(['eu-west-1', 'us-east-2']));
    expect(run.output()).toContain('6 passed, 0 failed');
  });
});

describe('with an account', () => {
  const removed = { 'cloudformation delete-stack': {}, 'cloudformation describe-stacks': [deployed, GONE] };

  it('deploys, tests and removes: exit code 1 for a test that failed', async () => {
    const { run, calls, all } = await start(['--built', '--stacks', 'valkey', 'accessList'], removed);
    expect((await run.exit).code, run.output()).toBe(1);
    expect(run.output()).toMatch(/FAIL accessList: .*has no output RelayFunction/);
    expect(run.output()).toContain('ok   teardown: gone');
    expect(await calls()).toEqual([
      'cdk deploy',
      'cloudformation describe-stacks',
      'cloudformation delete-stack',
      'cloudformation describe-stacks',
    ]);
    const names = (await all()).map((call) => call.find((one) => one.startsWith('FrontTcpTest-valkey-')));
    expect(new Set(names).size, 'one stack, by its own name').toBe(1);
    expect((await all()).slice(1).every((call) => call.join(' ').endsWith('--region eu-west-1'))).toBe(true);
  });

  it('removes what a deployment left that failed: exit code 3', async () => {
    const replies = { ...removed, 'cloudformation describe-stacks': GONE };
    const { run, calls } = await start(
      ['--built', '--stacks', 'valkey'],
      replies,
      "console.error('no quota'); process.exit(1);",
    );
    expect((await run.exit).code, run.output()).toBe(3);
    expect(run.output()).toMatch(/FAIL deployment: cdk deploy ended with 1:\nno quota/);
    expect(await calls()).toContain('cloudformation delete-stack');
  });

  it('names a stack that it could not remove', async () => {
    const stuck = { Stacks: [{ ...deployed.Stacks[0], StackStatus: 'DELETE_FAILED' }] };
    const replies = { ...removed, 'cloudformation describe-stacks': [deployed, stuck] };
    const { run } = await start(['--built', '--stacks', 'valkey', 'accessList'], replies);
    expect((await run.exit).code, run.output()).toBe(3);
    expect(run.output()).toMatch(/STILL THERE, and paid for: FrontTcpTest-valkey-\w+ in eu-west-1/);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s during a deployment ends the cdk, and the stack is removed', async (signal, code) => {
    const replies = { ...removed, 'cloudformation describe-stacks': GONE };
    const { run, calls } = await start(
      ['--built', '--stacks', 'valkey'],
      replies,
      'setInterval(() => undefined, 1_000);',
    );
    await until('cdk deploys', async () => (await calls()).includes('cdk deploy'));
    expect((await run.stop(signal)).code, run.output()).toBe(code);
    expect(await calls()).toEqual(['cdk deploy', 'cloudformation delete-stack', 'cloudformation describe-stacks']);
    expect(run.output()).toContain('ok   teardown: gone');
  });

  it('a stack that is there is tested, and stays', async () => {
    const { run, calls } = await start(['--stack', 'Mine', '--region', 'eu-west-1', 'accessList'], removed);
    expect((await run.exit).code).toBe(1);
    expect(await calls()).toEqual(['cloudformation describe-stacks']);
  });
});
