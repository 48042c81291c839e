import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { verifyPassword } from '../../contract/store/passwords.ts';
import { freePort } from '../../local/free-port.ts';
import { ask } from '../../local/redis/ping.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

test('the login is kept where only its owner can read it', async () => {
  const path = join(system.home, 'fronttcp', 'credentials.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(system.home, 'fronttcp'))).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    current: system.api,
    logins: { [system.api]: { phone_number: 'boss' } },
  });
});

test('the API of the last login is the one that other commands use', async () => {
  const run = await system.run(['stats', '--json'], { env: { FRONTTCP_API: undefined } });
  expect(run).toMatchObject({ code: 0 });
  expect(JSON.parse(run.stdout)).toMatchObject({ gateways: [{ live: true }] });
});

test('a password is stored as its hash alone', async () => {
  await system.user('hashed');
  const key = `${system.env.REDIS_KEY_PREFIX}user:hashed`;
  const stored = String(await ask(String(system.env.REDIS_URL), 'HGET', key, 'password'));
  expect(await verifyPassword('secret', stored)).toBe(true);
  expect(stored).not.toContain('secret');
});

test('users are added once, replaced with --replace, listed, shown and removed', async () => {
  const add = ['users', 'add', 'listed-1', '--password-stdin'];
  expect((await system.run(add, { input: 'a\n' })).code).toBe(0);
  const again = await system.run(add, { input: 'b\n' });
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('--replace');
  expect((await system.run([...add, '--replace', '--role', 'operator'], { input: 'b\n' })).code).toBe(0);
  expect(await system.json(['users', 'list', '--prefix', 'listed-'])).toMatchObject({
    users: [{ phone_number: 'listed-1', online: false, role: 'operator' }],
  });
  expect(await system.json(['users', 'show', 'listed-1'])).toMatchObject({ phone_number: 'listed-1', mailbox: 0 });
  expect((await system.run(['users', 'remove', 'listed-1'])).code).toBe(0);
  expect((await system.run(['users', 'remove', 'listed-1'])).code).toBe(1);
  expect((await system.run(['users', 'show', 'listed-1'])).code).toBe(1);
});

test('a group of commands alone is its list', async () => {
  expect((await system.run(['users'])).stdout).toMatch(/^USER ID/);
  expect(await system.json(['tokens'])).toEqual({ tokens: [] });
});

test('a list longer than a page is read to its end', async () => {
  const prefix = String(system.env.REDIS_KEY_PREFIX);
  const members = Array.from({ length: 1_200 }, (_, n) => ['0', `page-${String(n).padStart(4, '0')}`]).flat();
  await ask(String(system.env.REDIS_URL), 'ZADD', `${prefix}users`, ...members);
  const all = (await system.json(['users', 'list', '--prefix', 'page-', '--limit', '5000'])) as { users: unknown[] };
  expect(all.users).toHaveLength(1_200);
  const some = (await system.json(['users', 'list', '--prefix', 'page-', '--limit', '700'])) as { users: unknown[] };
  expect(some.users).toHaveLength(700);
  const inside = (await system.json(['users', 'list', '--contains', 'AGE-', '--limit', '5'])) as { users: unknown[] };
  expect(inside.users).toHaveLength(5);
  expect(await system.json(['users', 'list', '--contains', 'AGE-', '--online'])).toEqual({ users: [], cursor: null });
});

test('a removed user is disconnected and cannot come back', async () => {
  const token = await system.user('leaver');
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const ended = new Promise((resolve) => chat.once('close', resolve));
  await line(chat.stderr, /Connected/);
  expect((await system.run(['users', 'remove', 'leaver'])).code).toBe(0);
  expect(await ended).toBe(1);
  expect((await system.run(['connect'], { env: { FRONTTCP_TOKEN: token } })).code).toBe(4);
});

test('one waiting message of a user is deleted by its id', async () => {
  await system.user('bricked');
  await system.json(['send', 'too much for it', '--to', 'bricked']);
  const { messages } = (await system.json(['users', 'show', 'bricked'])) as { messages: { id: string }[] };
  const id = messages[0]?.id ?? '';
  expect(await system.json(['users', 'drop-message', 'bricked', id])).toEqual({ phone_number: 'bricked', id });
  expect(await system.json(['users', 'show', 'bricked'])).toMatchObject({ mailbox: 0, lost: 0 });
  await system.json(['send', 'again', '--to', 'bricked']);
  const cleared = await system.json(['users', 'clear-messages', 'bricked']);
  expect(cleared).toEqual({ phone_number: 'bricked', deleted: 1 });
  const again = await system.run(['users', 'drop-message', 'bricked', id]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('fronttcp users show bricked --json');
});

test('a disconnected user may come back, one whose token was revoked has to log in', async () => {
  const token = await system.user('kicked');
  expect(await system.json(['users', 'disconnect', 'kicked'])).toMatchObject({ disconnected: false, revoked: false });
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const ended = new Promise((resolve) => chat.once('close', resolve));
  await line(chat.stderr, /Connected/);
  const revoked = await system.run(['users', 'disconnect', 'kicked', '--revoke']);
  expect(revoked.stdout).toBe('The token is revoked; the connection is being closed.\n');
  expect(await ended).toBe(1);
  const unknown = await system.run(['users', 'disconnect', 'nobody-there']);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('users list --prefix nob') });
}, 60_000);

test('a message is sent, followed to its recipient, and shown again by its id', async () => {
  const token = await system.user('reader');
  const chat = system.spawn(['connect', '--listen', '--json'], { FRONTTCP_TOKEN: token });
  await line(chat.stderr, /Connected/);
  const shown = line(chat.stdout, /你好/);
  const sent = (await system.json(['send', '--to', 'reader', '--receipt', '你好'])) as { receipt: { id: string } };
  expect(sent).toMatchObject({
    recipients: { online: 1, stored: 0, unknown: 0 },
    receipt: { recipients: [{ phone_number: 'reader', state: expect.stringMatching(/^(written|acknowledged)$/) }] },
  });
  expect(JSON.parse(await shown)).toMatchObject({ from: 'boss', content: '你好', id: sent.receipt.id });
  await until('it is acknowledged', async () => {
    const { stdout } = await system.run(['commands', 'show', sent.receipt.id]);
    return /reader\s+acknowledged/.test(stdout);
  });
  expect(await system.json(['commands', 'show', sent.receipt.id])).toMatchObject({ id: sent.receipt.id, from: 'boss' });
  const unknown = await system.run(['commands', 'show', '1']);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('sent with --receipt');
  expect(await system.json(['commands', 'list', '--to', 'reader'])).toMatchObject({
    commands: [{ id: sent.receipt.id, from: 'boss', to: ['reader'], receipt: { recipients: 1 } }],
  });
  expect((await system.run(['commands'])).stdout).toMatch(
    new RegExp(`${sent.receipt.id} .* boss +reader +1 acknowledged`),
  );
  chat.kill('SIGTERM');
});

test('several, everyone, application messages and standard input', async () => {
  const token = await system.user('many-1');
  await system.user('many-2');
  const chat = system.spawn(['connect', '--listen', '--json'], { FRONTTCP_TOKEN: token });
  await line(chat.stderr, /Connected/);
  const lines = createInterface({ input: chat.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await lines.next()).value));
  const several = await system.json(['send', '--to', 'many-1,many-2', 'several']);
  expect(several).toMatchObject({ recipients: { online: 1, stored: 1 } });
  expect(await next()).toMatchObject({ kind: 'group', content: 'several' });
  await system.json(['send', '--all', 'everyone']);
  expect(await next()).toMatchObject({ kind: 'broadcast', content: 'everyone' });
  await system.json(['send', '--to', 'many-1', '-c', '2001', '{"level": 3}']);
  expect(await next()).toMatchObject({ kind: 'application', command_id: 2001, body: { level: 3 } });
  await system.json(['send', '--to', 'many-1', '-'], { input: 'piped\n' });
  expect(await next()).toMatchObject({ kind: 'single', content: 'piped' });
  chat.kill('SIGTERM');
});

test('a repeated idempotency key happens once; with another content it is refused', async () => {
  await system.user('once');
  const args = ['send', '--to', 'once', '--idempotency-key', 'k1'];
  const first = await system.json([...args, 'pay']);
  expect(await system.json([...args, 'pay'])).toEqual(first);
  const other = await system.run([...args, 'pay twice']);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('idempotency key');
});

test('an unknown recipient is a failure for scripts', async () => {
  const run = await system.run(['send', '--to', 'nobody-there', 'x']);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('1 recipient is unknown');
});

test('a chat through a pipe sends each line to the recipient that it names, and ends with its input', async () => {
  const [from, to] = [await system.user('piper'), await system.user('listener')];
  const input = '/to listener\nfirst\n/group listener,piper\nsecond\n//third\n/quit\nnever\n';
  const run = await system.run(['connect', '--quiet'], { input, env: { FRONTTCP_TOKEN: from } });
  expect(run).toMatchObject({ code: 0, stderr: '' });
  const chat = system.spawn(['connect', '--listen', '--json'], { FRONTTCP_TOKEN: to });
  const lines = createInterface({ input: chat.stdout })[Symbol.asyncIterator]();
  for (const content of ['first', 'second', '/third']) {
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({ from: 'piper', content });
  }
  chat.kill('SIGTERM');
});

test('lines that cannot be sent are reported, and make the chat fail', async () => {
  const token = await system.user('clumsy');
  const input = 'to whom?\n/nonsense\n/cmd 5 {}\n/cmd 1000 {\n/cmd 1000 {"a":1}\n';
  const run = await system.run(['connect'], { input, env: { FRONTTCP_TOKEN: token } });
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('enter /to <user id>');
  expect(run.stderr).toContain('/help lists');
  expect(run.stderr).toContain('from 1000 to 1999');
  expect(run.stderr).toContain('not JSON');
  expect(run.stderr).toContain('no function takes application commands');
});

test('messages of others cannot send control codes to the terminal', async () => {
  const token = await system.user('victim');
  await system.json(['send', '--to', 'victim', '\u001b]0;owned\u0007\u001b[2J\u202eevil\nboss: fake']);
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const shown = await line(chat.stdout, /owned/);
  expect(shown).toContain('\\u001b]0;owned\\u0007\\u001b[2J\\u202eevil');
  chat.kill('SIGTERM');
});

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

test('with --json the last line of standard error has the error word: of the API, else of the exit code', async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
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

async function errorOf(args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const run = await system.run([...args, '--json'], { env });
  return { exitCode: run.code, ...JSON.parse(run.stderr.trimEnd().split('\n').at(-1) ?? '') };
}

test('an unreachable API or Redis exits with 3', async () => {
  const nowhere = `127.0.0.1:${await freePort()}`;
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

test('a missing login or right exits with 4', async () => {
  const home = { XDG_CONFIG_HOME: join(system.home, 'empty') };
  expect((await system.run(['stats'], { env: home })).code).toBe(4);
  const wrong = await system.run(['login', 'boss', '--password-stdin'], { input: 'wrong\n', env: home });
  expect(wrong.code).toBe(4);
  const token = await system.user('nobody-special');
  const stats = await system.run(['stats'], { env: { FRONTTCP_TOKEN: token } });
  expect(stats.code).toBe(4);
  expect(stats.stderr).toContain('operator');
});

test('logging out revokes the token and forgets it', async () => {
  await system.user('leaving');
  const env = { XDG_CONFIG_HOME: join(system.home, 'leaving') };
  await system.json(['login', 'leaving', '--password-stdin'], { input: 'secret\n', env });
  const kept = JSON.parse(await readFile(join(env.XDG_CONFIG_HOME, 'fronttcp/credentials.json'), 'utf8'));
  const { token } = kept.logins[system.api];
  expect((await system.run(['logout'], { env })).code).toBe(0);
  expect((await system.run(['connect'], { env })).code).toBe(4);
  expect((await system.run(['connect'], { env: { FRONTTCP_TOKEN: token } })).code).toBe(4);
});

test('a printed token is not kept, and is good for other commands', async () => {
  const env = { XDG_CONFIG_HOME: join(system.home, 'printed') };
  await system.json(['users', 'add', 'printer', '--role', 'operator', '--password-stdin'], { input: 'pw\n' });
  const run = await system.run(['login', 'printer', '--password-stdin', '--print-token'], { input: 'pw\n', env });
  expect(run.stdout).toMatch(/^[\w-]+\.[\w-]+\n$/);
  expect((await system.run(['stats'], { env })).code).toBe(4);
  expect((await system.run(['stats'], { env: { ...env, FRONTTCP_TOKEN: run.stdout.trim() } })).code).toBe(0);
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

/** The first line of a stream that matches. */
async function line(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  for await (const text of createInterface({ input: stream })) if (pattern.test(text)) return text;
  throw new Error(`it ended without ${pattern}`);
}
