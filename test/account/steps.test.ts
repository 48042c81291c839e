import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DeployedStack } from '../../cli/support/aws.ts';
import { accessString } from '../../lib/redis/credentials.ts';
import { type Replies, type StandIn, standInAws, standInLambda } from '../kit/aws-stand-in.ts';
import { startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { reservePort } from '../kit/ports.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { accessList } from './access-list.ts';
import { firstMessage } from './first-message.ts';
import { propagation } from './propagation.ts';
import { rotation } from './rotation.ts';
import { sigterm } from './sigterm.ts';
import { teardown } from './teardown.ts';

const PREFIX = '{fronttcp}:';
const PASSWORD = 'of-the-store-user';

/** A store with the user that the templates make, and two gateways on it. */
let server: TestRedis;
let admin: Redis;
let gateways: readonly [TestGateway, TestGateway];
beforeAll(async () => {
  server = await startTestRedis();
  admin = new Redis(server.url);
  await admin.call('ACL', 'SETUSER', 'app', `>${PASSWORD}`, ...accessString(PREFIX).split(' '));
  const place = { redisUrl: server.url, prefix: PREFIX };
  gateways = [await startTestGateway({}, place), await startTestGateway({}, place)];
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  admin.disconnect();
  await server.stop();
});

/** The stack as `readStack` describes it, with the relay on the store, as this user of it. */
async function stackOf(replies: Replies, user = `app:${PASSWORD}`): Promise<{ stack: DeployedStack; aws: StandIn }> {
  const aws = await standInAws(replies);
  const url = server.url.replace('redis://', `redis://${user}@`);
  vi.stubEnv('PATH', aws.path);
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', await standInLambda({ REDIS_URL: url, REDIS_KEY_PREFIX: PREFIX }));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of-the-test');
  const outputs = new Map([
    ['RelayFunction', 'relay'],
    ['StoreSecretArn', 'arn:of:the:secret'],
    ['ClusterName', 'cluster'],
    ['ServiceName', 'service'],
    ['TcpTls', 'false'],
    ['TcpEndpoint', `127.0.0.1:${gateways[0].port}`],
  ]);
  return { stack: { name: 'Test', region: 'eu-west-1', status: 'CREATE_COMPLETE', outputs }, aws };
}

describe('accessList', () => {
  it('passes with the rights that the templates give', async () => {
    const { stack } = await stackOf({});
    expect(await accessList(stack)).toBe('own keys only');
  });

  it('fails with a user who may do everything', async () => {
    const { stack } = await stackOf({}, 'default:');
    // The first of them: nothing is flushed.
    await expect(accessList(stack)).rejects.toThrow('GET of-another-deployment was not refused with NOPERM');
  });
});

describe('rotation', () => {
  const replies: Replies = {
    'secretsmanager get-secret-value': { SecretString: JSON.stringify({ username: 'app', password: 'old' }) },
    'secretsmanager put-secret-value': {},
    'elasticache describe-users': [
      { Users: [{ UserId: 'user-1', UserName: 'app', Status: 'active' }] },
      { Users: [{ UserId: 'user-1', UserName: 'app', Status: 'modifying' }] },
      { Users: [{ UserId: 'user-1', UserName: 'app', Status: 'active' }] },
    ],
    'elasticache modify-user': {},
  };
  const pace = { pollMs: 10, takenOverMs: 300 };

  it('adds the new password, writes the secret, takes the old one away, and waits between', async () => {
    const { stack, aws } = await stackOf(replies);
    expect(await rotation(stack, pace)).toMatch(/a warm function served again after \d+ s/);
    const calls = await aws.calls();
    const changes = calls
      .filter(([, operation]) => !operation?.startsWith('describe'))
      .map(([, operation]) => operation);
    expect(changes).toEqual(['get-secret-value', 'modify-user', 'put-secret-value', 'modify-user']);
    const passwords = calls
      .filter(([, operation]) => operation === 'modify-user')
      .map((call) => call.slice(call.indexOf('--passwords') + 1, call.indexOf('--output')));
    expect(passwords).toEqual([['old', expect.stringMatching(/^[0-9a-f]{64}$/)], [passwords[0]?.[1]]]);
    const put = calls.find(([, operation]) => operation === 'put-secret-value') ?? [];
    expect(JSON.parse(put[put.indexOf('--secret-string') + 1] ?? '')).toEqual({
      username: 'app',
      password: passwords[0]?.[1],
    });
    // Modified, seen as modifying, and as active again, before the secret is written.
    expect(calls.map(([, operation]) => operation).indexOf('put-secret-value')).toBe(5);
  });

  it('fails when the function does not take the new password over', async () => {
    const { stack } = await stackOf(replies);
    expect(await rotation(stack, pace)).toMatch(/after \d+ s/);
    await admin.call('ACL', 'SETUSER', 'app', 'resetpass', '>of-the-account');
    onTestFinished(async () => void (await admin.call('ACL', 'SETUSER', 'app', 'resetpass', `>${PASSWORD}`)));
    await admin.call('CLIENT', 'KILL', 'USER', 'app');
    await expect(rotation(stack, pace)).rejects.toThrow(/WRONGPASS|credentials/i);
  });
});

/** A balancer that turns to both gateways in turn, and goes on sending to one that was taken out for as long as is told. */
async function balancer(aws: StandIn, lagMs: number): Promise<number> {
  const calls = join(aws.folder, 'calls.jsonl');
  let sent = 0;
  let changedAtMs = 0;
  let last = '';
  const proxy = createServer((client) => {
    const made = readFileSync(calls, 'utf8').split('\n');
    const change = made.findLast((line) => /(de)?register-targets/.test(line)) ?? '';
    if (change !== last) {
      last = change;
      changedAtMs = performance.now();
    }
    const isOut = change.includes('deregister') === performance.now() - changedAtMs > lagMs && change !== '';
    sent += 1;
    const gateway = isOut && change.includes('deregister') ? gateways[1] : gateways[sent % 2 === 0 ? 0 : 1];
    const socket = connectTcp(gateway.port, '127.0.0.1');
    client.pipe(socket).pipe(client);
    for (const one of [client, socket])
      one.on('error', () => undefined).on('close', () => [client, socket].map((s) => s.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  return (proxy.address() as AddressInfo).port;
}

describe('propagation', () => {
  const replies: Replies = {
    'cloudformation list-stack-resources': {
      StackResourceSummaries: [
        { ResourceType: 'AWS::ElasticLoadBalancingV2::TargetGroup', PhysicalResourceId: 'arn:of:the:targets' },
      ],
    },
    'elbv2 describe-target-health': {
      TargetHealthDescriptions: ['10.0.0.1', '10.0.1.1'].map((Id) => ({
        Target: { Id, Port: 8124 },
        TargetHealth: { State: 'healthy' },
      })),
    },
    'elbv2 deregister-targets': {},
    'elbv2 register-targets': {},
  };
  // A connection may take seconds on a busy machine: a gateway without one for so long counts as out.
  const pace = { pauseMs: 1, quietMs: 5_000, registeredMs: 20_000, acceptsMs: 20_000 };
  const through = async ({ stack, aws }: { stack: DeployedStack; aws: StandIn }, lagMs: number) => ({
    ...stack,
    outputs: new Map([...stack.outputs, ['TcpEndpoint', `127.0.0.1:${await balancer(aws, lagMs)}`]]),
  });

  it('says how long connections came to a target that was out, puts it back, and removes its user', async () => {
    const given = await stackOf(replies);
    expect(await propagation(await through(given, 2_000), pace)).toMatch(
      /came [1-9]\d* s after .* put back; none failed/,
    );
    const changes = (await given.aws.calls()).filter(([, operation]) => operation?.includes('register'));
    expect(changes.map((call) => call.slice(1, 6))).toEqual([
      ['deregister-targets', '--target-group-arn', 'arn:of:the:targets', '--targets', 'Id=10.0.0.1,Port=8124'],
      ['register-targets', '--target-group-arn', 'arn:of:the:targets', '--targets', 'Id=10.0.0.1,Port=8124'],
    ]);
    expect(await admin.keys(`${PREFIX}user:account-test*`)).toEqual([]);
  });

  it('fails when the balancer goes on for longer than a gateway accepts, and puts the target back all the same', async () => {
    const given = await stackOf(replies);
    const hasty = { ...pace, acceptsMs: 500 };
    await expect(propagation(await through(given, 60_000), hasty)).rejects.toThrow(/new connections still come to it/);
    expect((await given.aws.calls()).at(-1)?.[1]).toBe('register-targets');
  });

  it('fails when a connection is refused', async () => {
    const { stack } = await stackOf(replies);
    const outputs = new Map([...stack.outputs, ['TcpEndpoint', `127.0.0.1:${await reservePort()}`]]);
    await expect(propagation({ ...stack, outputs }, pace)).rejects.toThrow(/ECONNREFUSED|reach/i);
  });

  it('needs two targets', async () => {
    const { stack } = await stackOf({ ...replies, 'elbv2 describe-target-health': { TargetHealthDescriptions: [] } });
    await expect(propagation(stack, pace)).rejects.toThrow('0 healthy targets');
  });
});

describe('sigterm', () => {
  const state = (rolloutState: string) => ({ services: [{ deployments: [{ status: 'PRIMARY', rolloutState }] }] });
  const replies: Replies = {
    'ecs update-service': {},
    'ecs describe-services': [state('IN_PROGRESS'), state('IN_PROGRESS'), state('COMPLETED')],
    'cloudformation list-stack-resources': {
      StackResourceSummaries: [{ LogicalResourceId: 'FrontTcpGatewaysLogs1', PhysicalResourceId: 'logs' }],
    },
    'logs filter-log-events': { events: [{ timestamp: Date.now() + 3_600_000, message: '{}' }] },
  };

  it('connects while the gateways are replaced, and says when SIGTERM came', async () => {
    const { stack } = await stackOf(replies);
    expect(await sigterm(stack, 1)).toMatch(/^2 connections, none refused; SIGTERM after \d+ s/);
  });

  it('fails when one connection is refused', async () => {
    const { stack } = await stackOf(replies);
    const outputs = new Map([...stack.outputs, ['TcpEndpoint', `127.0.0.1:${await reservePort()}`]]);
    await expect(sigterm({ ...stack, outputs }, 1)).rejects.toThrow(
      /2 of 2 connections were refused: after \d+ s: .*ECONN/,
    );
  });

  it('fails when nobody could connect, when it never ends, and when no gateway has logged its end', async () => {
    const done = await stackOf({ ...replies, 'ecs describe-services': state('COMPLETED') });
    await expect(sigterm(done.stack, 1)).rejects.toThrow('over before a client could connect');
    const endless = await stackOf({ ...replies, 'ecs describe-services': state('IN_PROGRESS') });
    await expect(sigterm(endless.stack, 1, 500)).rejects.toThrow(/were not replaced within/);
    const silent = await stackOf({ ...replies, 'logs filter-log-events': { events: [] } });
    await expect(sigterm(silent.stack, 1)).rejects.toThrow('no gateway has logged "draining"');
  });
});

describe('teardown', () => {
  const GONE = '\nAn error occurred (ValidationError) when calling the DescribeStacks operation: does not exist';
  const status = (StackStatus: string) => ({
    Stacks: [{ StackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/Test/1', StackStatus, Outputs: [] }],
  });

  it('waits until the stack is gone', async () => {
    const { stack, aws } = await stackOf({
      'cloudformation delete-stack': {},
      'cloudformation describe-stacks': [status('DELETE_IN_PROGRESS'), GONE],
    });
    expect(await teardown(stack, 1)).toBe('gone after 0 minutes');
    expect((await aws.calls()).every((call) => call.join(' ').includes('--region eu-west-1'))).toBe(true);
  });

  it('fails when a resource cannot be deleted', async () => {
    const { stack } = await stackOf({
      'cloudformation delete-stack': {},
      'cloudformation describe-stacks': status('DELETE_FAILED'),
    });
    await expect(teardown(stack, 1)).rejects.toThrow('Test is DELETE_FAILED');
  });
});

it('firstMessage passes on why `fronttcp setup` failed, in the region of the stack', async () => {
  const { stack, aws } = await stackOf({
    'cloudformation describe-stacks': '\nAn error occurred (Throttling): slower',
  });
  await expect(firstMessage(stack)).rejects.toThrow(/fronttcp setup ended with \d: [\s\S]*slower/);
  expect(await aws.calls()).toHaveLength(1);
});
