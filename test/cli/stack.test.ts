import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Replies, standInAws, standInLambda } from '../kit/aws-stand-in.ts';
import { linesOf, offences } from './json-rules.ts';
import { System, temporaryFolder } from './system.ts';

/** A stack whose API and gateway run on this machine, behind a stand-in for the AWS command line and for Lambda. */
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

const REGION = 'eu-west-1';
const REFUSED = (code: string, text: string): string =>
  `\nAn error occurred (${code}) when calling the operation: ${text}`;

const outputs = (): object[] =>
  Object.entries({
    ApiUrl: system.api,
    TcpEndpoint: `127.0.0.1:${system.port}`,
    TcpTls: 'false',
    RelayFunction: 'relay',
    StoreSecretArn: 'arn:of:the:secret',
    ClusterName: 'cluster',
    ServiceName: 'service',
  }).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));

const deployed = () => ({
  'cloudformation describe-stacks': {
    Stacks: [
      {
        StackId: `arn:aws:cloudformation:${REGION}:111111111111:stack/FrontTcp/1`,
        StackStatus: 'CREATE_COMPLETE',
        Outputs: outputs(),
      },
    ],
  },
  'cloudformation list-stack-resources': {
    StackResourceSummaries: [
      {
        ResourceType: 'AWS::ElasticLoadBalancingV2::TargetGroup',
        LogicalResourceId: 'Targets',
        PhysicalResourceId: 'arn:of:the:targets',
        ResourceStatus: 'CREATE_COMPLETE',
      },
      ...['RedisErrorsAlarm', 'TaskCountTargetQuietLowerAlarm'].map((LogicalResourceId) => ({
        ResourceType: 'AWS::CloudWatch::Alarm',
        LogicalResourceId,
        PhysicalResourceId: `FrontTcp-${LogicalResourceId}`,
        ResourceStatus: 'CREATE_COMPLETE',
      })),
    ],
  },
  'ecs describe-services': { services: [{ runningCount: 2, desiredCount: 2 }] },
  'elbv2 describe-target-health': {
    TargetHealthDescriptions: [
      { Target: { Id: '10.0.0.1' }, TargetHealth: { State: 'healthy' } },
      { Target: { Id: '10.0.1.1' }, TargetHealth: { State: 'draining' } },
    ],
  },
  'secretsmanager describe-secret': { Name: 'store' },
  'cloudwatch describe-alarms': { MetricAlarms: [] },
  'iam get-role': { Role: { RoleName: 'there' } },
  'service-quotas get-service-quota': { Quota: { Value: 1000 } },
});

describe('fronttcp setup --stack', () => {
  test('makes the operator and a device, logs in, sends, and prints what the device acknowledged; twice', async () => {
    const { path } = await standInAws(deployed());
    const env = {
      PATH: path,
      AWS_ENDPOINT_URL_LAMBDA: await standInLambda(system.env),
      AWS_ACCESS_KEY_ID: 'of-the-test',
      AWS_SECRET_ACCESS_KEY: 'of-the-test',
    };
    const setup = (...options: string[]) =>
      system.run(['setup', '--stack', 'FrontTcp', '--password-stdin', ...options], { env, input: 'correct horse\n' });
    for (let i = 0; i < 2; i += 1) {
      const run = await setup();
      expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/demo-device .*acknowledged/) });
      expect(run.stderr).toContain(`The stack FrontTcp is in ${REGION}`);
    }
    expect(linesOf((await setup('--json')).stdout).flatMap((line) => offences(line))).toEqual([]);
    const users = await system.run(['users', 'show', 'demo-device', '--json'], { env });
    expect(JSON.parse(users.stdout)).toMatchObject({ phone_number: 'demo-device', mailbox: 0 });
  });

  test('says what is missing: the command line of AWS, the stack, an output', async () => {
    const setup = (path: string) =>
      system.run(['setup', '--stack', 'FrontTcp', '--password-stdin'], { env: { PATH: path }, input: 'x\n' });
    const nowhere = await setup(await temporaryFolder());
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toMatch(/aws\) is not installed[\s\S]*Install it: https/);
    const none = await standInAws({
      'cloudformation describe-stacks': REFUSED('ValidationError', 'Stack with id FrontTcp does not exist'),
    });
    expect((await setup(none.path)).stderr).toContain('Stack with id FrontTcp does not exist');
    const [stack] = deployed()['cloudformation describe-stacks'].Stacks;
    const bare = await standInAws({ 'cloudformation describe-stacks': { Stacks: [{ ...stack, Outputs: [] }] } });
    expect((await setup(bare.path)).stderr).toContain('the stack FrontTcp has no output ApiUrl');
  });
});

const check = z.object({ name: z.string(), state: z.string(), found: z.string(), mend: z.string().optional() });
const report = z.object({ ok: z.boolean(), areas: z.array(z.object({ checks: z.array(check) })) });

async function examine(replies: Replies) {
  const { path, calls } = await standInAws(replies);
  const run = await system.run(['doctor', '--stack', 'FrontTcp', '--json'], { env: { PATH: path } });
  const { ok, areas } = report.parse(JSON.parse(run.stdout));
  const checks = areas.flatMap((area) => area.checks);
  return { code: run.code, ok, checks, calls, find: (name: string) => checks.find((one) => one.name === name) };
}

describe('fronttcp doctor --stack', () => {
  test('a working deployment passes', async () => {
    const { code, ok, checks, calls } = await examine(deployed());
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      'stack',
      'tasks',
      'targets',
      'secret',
      'alarms',
      'role for ecs',
      'role for elasticloadbalancing',
      'role for elasticache',
      'role for ecs.application-autoscaling',
      'Lambda concurrency',
      'Fargate vCPUs',
    ]);
    const asked = (await calls()).find(([, operation]) => operation === 'describe-alarms');
    expect(asked?.slice(2, 5), 'not those of other stacks, nor those of autoscaling').toEqual([
      '--alarm-names',
      'FrontTcp-RedisErrorsAlarm',
      '--state-value',
    ]);
  });

  test('each finding has the command that mends it or shows more', async () => {
    const [stack] = deployed()['cloudformation describe-stacks'].Stacks;
    const { code, find } = await examine({
      ...deployed(),
      'cloudformation describe-stacks': { Stacks: [{ ...stack, StackStatus: 'UPDATE_ROLLBACK_COMPLETE' }] },
      'ecs describe-services': { services: [{ runningCount: 0, desiredCount: 2 }] },
      'elbv2 describe-target-health': {
        TargetHealthDescriptions: [
          { Target: { Id: '10.0.0.1' }, TargetHealth: { State: 'unhealthy', Description: 'Health checks failed' } },
        ],
      },
      'secretsmanager describe-secret': { Name: 'store', DeletedDate: '2026-11-29' },
      'cloudwatch describe-alarms': { MetricAlarms: [{ AlarmName: 'FrontTcp-RedisErrors' }] },
      'iam get-role': REFUSED('NoSuchEntity', 'there is none'),
      'service-quotas get-service-quota': { Quota: { Value: 10 } },
    });
    expect(code).toBe(1);
    expect(find('stack')).toMatchObject({ state: 'fail', mend: expect.stringContaining('describe-stack-events') });
    expect(find('tasks')).toMatchObject({ state: 'fail', found: '0 of 2 run' });
    expect(find('targets')).toMatchObject({ state: 'fail', found: expect.stringContaining('Health checks failed') });
    expect(find('secret')).toMatchObject({ state: 'fail', mend: expect.stringContaining('restore-secret') });
    expect(find('alarms')).toMatchObject({ state: 'fail', found: 'FrontTcp-RedisErrors' });
    expect(find('role for ecs')).toMatchObject({
      state: 'warn',
      mend: 'Make it: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com',
    });
    expect(find('Lambda concurrency')).toMatchObject({ state: 'warn', mend: expect.stringContaining('L-B99A9384') });
  });

  test('before the first deployment it checks the account; a denied call is no fault', async () => {
    const { ok, find } = await examine({
      ...deployed(),
      'cloudformation describe-stacks': REFUSED('ValidationError', 'Stack with id FrontTcp does not exist'),
      'service-quotas get-service-quota': REFUSED('AccessDeniedException', 'not allowed'),
    });
    expect(ok).toBe(true);
    expect(find('stack')).toMatchObject({ state: 'skipped', found: 'not deployed yet' });
    expect(find('Fargate vCPUs')).toMatchObject({ state: 'skipped', found: expect.stringContaining('not allowed') });
  });
});
