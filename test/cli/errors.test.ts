import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import { reservePort } from '../kit/ports.ts';
import { startTestRedis } from '../kit/redis.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

test('a usage error exits with 2 and shows the usage', async () => {
  const wrong = [
    ['nonsense'],
    ['send', 'to nobody'],
    ['send', '--all', '--to', 'x', 'both'],
    ['send', '--to', 'x', '--ttl', 'soon', 'y'],
    ['send', '--to', 'x', '-c', '2001', 'not json'],
    ['login', 'boss'],
    ['--api', 'not a url', 'stats'],
    ['users', 'token', 'x'.repeat(200)],
  ];
  const runs = await Promise.all(wrong.map((args) => system.run(args)));
  for (const [at, run] of runs.entries()) {
    expect(run, wrong[at]?.join(' ')).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).not.toBe('');
  }
  const store = await system.run(['users', 'token', 'x'], { env: { REDIS_URL: undefined } });
  expect(store.code).toBe(2);
  expect(store.stderr).toContain('set REDIS_URL');
  const word = await system.run(['users', 'lst']);
  expect(word.code).toBe(2);
  expect(word.stderr).toContain('There are: list, show, add');
});

test.each([
  [['send', '--to', 'x', '--all', 'y'], 'give only one of --to, --to-file, --group, --all and --everyone'],
  [['send', '--to', 'x', '--at', '1800000000', '--in', '5', 'y'], '--at and --in cannot be combined'],
  [['send', '--all', '--command-id', '2001', '{}'], 'an application message needs named recipients'],
  [['commands', 'cancel'], 'give an id or --idempotency-key'],
  [['dead', 'delete'], 'give ids, or --all'],
])('the usage error of %j says: %s', async (args, message) => {
  expect((await system.run(args)).stderr).toContain(`error: ${message}\n`);
});

test('--in with an idempotency key is a usage error that names the time for --at', async () => {
  const run = await system.run(['send', '--to', 'boss', '--in', '600', '--idempotency-key', 'in-ten-minutes', 'x']);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  const at = Number(/--at (\d+)\n/.exec(run.stderr)?.[1]);
  expect(at).toBeGreaterThan(Date.now() / 1_000);
  expect(at).toBeLessThanOrEqual(Math.ceil(Date.now() / 1_000) + 600);
});

test('with --json the last line of standard error has the error word: of the API, else of the exit code', async () => {
  const nowhere = `http://127.0.0.1:${await reservePort()}`;
  const refused = await errorOf(['users', 'show', 'nobody-there']);
  expect(refused).toMatchObject({ exitCode: 1, code: 0, error: 'no_such_user', message: expect.any(String) });
  expect(await errorOf(['users', 'remove', 'nobody-there'])).toMatchObject({ exitCode: 1, error: 'not_done' });
  expect(await errorOf(['--nonsense'])).toMatchObject({ exitCode: 2, error: 'usage' });
  expect(
    await errorOf(['stats', '--api', nowhere], { FRONTTCP_TOKEN: await system.user('reaches-out') }),
  ).toMatchObject({
    exitCode: 3,
    error: 'unreachable',
  });
  expect(await errorOf(['stats', '--api', nowhere])).toMatchObject({ exitCode: 4, error: 'not_allowed' });
});

test('without --json an error has its word, and the next step of the command or of docs/errors.md', async () => {
  const own = await system.run(['commands', 'show', '1']);
  expect(own.code).toBe(1);
  expect(own.stderr).toMatch(/^error: .+ \[no_such_command\]\n {2}\S.+\n$/);
  const ofPage = await system.run(['send', '--to', 'boss', '-c', '2001', '{"ask": 1}']);
  expect(ofPage.code).toBe(1);
  expect(ofPage.stderr).toMatch(
    /^error: .+ \[invalid\]\n {2}Read message: it names the member and what it must be\.\n$/,
  );
});

test('in a chat a refused line has its error word and the next step', async () => {
  const run = await system.run(['connect', '--to', 'nobody-at-all'], { input: 'hello\n' });
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('[unknown_recipient]\n  Check the id: no user has it.');
});

test('an unreachable API or Redis exits with 3', async () => {
  const nowhere = `127.0.0.1:${await reservePort()}`;
  const token = (await system.json(['users', 'token', 'boss'])) as { token: string };
  const env = { FRONTTCP_TOKEN: token.token };
  const stats = await system.run(['stats', '--api', `http://${nowhere}`], { env });
  expect(stats.code).toBe(3);
  expect(stats.stderr).toContain('ECONNREFUSED');
  expect((await system.run(['connect', '--port', nowhere.split(':')[1] ?? ''], { env })).code).toBe(3);
  const redis = await system.run(['users', 'token', 'x'], { env: { REDIS_URL: `redis://${nowhere}` } });
  expect(redis).toMatchObject({ code: 3, stderr: expect.stringContaining(`ECONNREFUSED ${nowhere}`) });
  const cluster = { REDIS_URL: `redis://${nowhere}`, REDIS_CLUSTER: 'true', REDIS_KEY_PREFIX: '{x}:' };
  const nodes = await system.run(['users', 'token', 'x'], { env: cluster });
  // Told as soon as it is refused, not when the time for an answer is over.
  expect(nodes).toMatchObject({ code: 3, stderr: expect.stringContaining('Connection is closed') });
  // The token above replaced that of the login.
  await system.json(['login', 'boss', '--password-stdin'], { input: '123456\n' });
});

test('the command line waits for a Redis that replies two seconds late, although the functions would not', async () => {
  const redis = await startTestRedis();
  // It stands still from the moment at which the command has its connection, however late that is.
  const slow = createServer((client) => {
    const server = connect(redis.port, '127.0.0.1');
    client.once('close', () => server.destroy()).on('error', () => undefined);
    server.once('close', () => client.destroy()).on('error', () => undefined);
    void ask(redis.url, 'CLIENT', 'PAUSE', '2000').then(() => client.pipe(server).pipe(client));
  }).listen(0, '127.0.0.1');
  await once(slow, 'listening');
  onTestFinished(async () => {
    slow.close();
    await redis.stop();
  });
  const { port } = slow.address() as AddressInfo;
  const env = { REDIS_URL: `redis://127.0.0.1:${port}` };
  const run = await system.run(['users', 'add', 'patient', '--password-stdin'], { input: 'secret\n', env });
  expect(run).toMatchObject({ code: 0 });
  expect(await ask(redis.url, 'EXISTS', `${system.env.REDIS_KEY_PREFIX}user:patient`)).toBe(1);
});

test('gateways and stats are tables for people, without colours through a pipe or with NO_COLOR', async () => {
  const gateways = await system.run(['gateways'], { env: { FORCE_COLOR: undefined, NO_COLOR: '1' } });
  expect(gateways.stdout).toMatch(
    /^GATEWAY +STATE +CONNECTIONS +SESSIONS +DELIVERED +INBOX +LEASE UNTIL\n\S+ +live +\d+ +\d+/,
  );
  const stats = await system.run(['stats'], { env: { FORCE_COLOR: undefined } });
  expect(stats.stdout).toMatch(/connected +\d+/);
  expect(stats.stdout).not.toContain('\u001b');
});

async function errorOf(args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const run = await system.run([...args, '--json'], { env });
  return { exitCode: run.code, ...JSON.parse(run.stderr.trimEnd().split('\n').at(-1) ?? '') };
}
