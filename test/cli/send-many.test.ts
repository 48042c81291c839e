import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import { System } from './system.ts';

let system: System;
let file: string;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
  file = join(system.home, 'recipients.txt');
});
afterAll(() => system.stop());

/** Users whom nobody can log in as: always away. */
async function users(...ids: string[]): Promise<void> {
  const { REDIS_URL: url = '', REDIS_KEY_PREFIX: prefix = '' } = system.env;
  for (const id of ids) {
    await ask(url, 'HSET', `${prefix}user:${id}`, 'token', 't');
    await ask(url, 'ZADD', `${prefix}users`, '0', id);
  }
}

const mailbox = async (id: string) =>
  Number(await ask(String(system.env.REDIS_URL), 'ZCARD', `${system.env.REDIS_KEY_PREFIX}mailbox:${id}`));

test('a file of recipients is sent to in batches, with the progress on standard error', async () => {
  await users('f1', 'f2', 'f3');
  await writeFile(file, '# the fleet\nf1\n\n  f2  \r\nf3\nf1\n');
  const run = await system.run(['send', '--to-file', file, '--batch', '2', '--json', 'to a file']);
  expect(run).toMatchObject({ code: 0 });
  expect(run.stderr).toContain('2 of 3 recipients\n3 of 3 recipients\n');
  const sent = JSON.parse(run.stdout);
  expect(sent).toMatchObject({ recipients: { online: 0, stored: 3, unknown: 0 } });
  expect(sent.ids).toHaveLength(2);
  expect(await Promise.all(['f1', 'f2', 'f3'].map(mailbox))).toEqual([1, 1, 1]);
});

test('the same key continues where an earlier run ended: nobody gets it twice', async () => {
  await users('k1', 'k2', 'k3', 'k4');
  const args = ['send', '--to-file', file, '--batch', '2', '--idempotency-key', 'run-1', 'once'];
  await writeFile(file, 'k1\nk2\n');
  await system.json(args);
  await writeFile(file, 'k1\nk2\nk3\nk4\n');
  expect(await system.json(args)).toMatchObject({ recipients: { stored: 4 } });
  expect(await Promise.all(['k1', 'k2', 'k3', 'k4'].map(mailbox))).toEqual([1, 1, 1, 1]);
});

/** The address of the API by a way on which all answers are lost. */
async function lossyApi(): Promise<string> {
  const server = createServer((request, response) => {
    const lose = () => response.destroy();
    void forward(request).then(lose, lose);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function forward(request: IncomingMessage): Promise<void> {
  const names = ['authorization', 'content-type', 'idempotency-key'];
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  await fetch(`${system.api}${request.url}`, { method: 'POST', headers, body: await text(request) });
}

/** Runs a send whose first answer is lost, and again as it then says. */
async function sendTwice(token: string, time: readonly string[]): Promise<unknown> {
  const args = ['send', '--to-file', file, 'hello'];
  const env = { FRONTTCP_TOKEN: token };
  const lost = await system.run([...args, ...time], { env: { ...env, FRONTTCP_API: await lossyApi() } });
  expect(lost).toMatchObject({ code: 3, stdout: '' });
  const printed = /again with (--idempotency-key \S+)(?: and (--at \d+) instead of --in)?\n/.exec(lost.stderr);
  const options = printed?.slice(1).flatMap((option) => option?.split(' ') ?? []) ?? [];
  return system.json([...args, ...options], { env });
}

test('after a lost answer to the first request the printed key goes on, and nobody gets it twice', async () => {
  await users('l1', 'l2');
  await writeFile(file, 'l1\nl2\n');
  const { token } = (await system.json(['tokens', 'create', 'mailing', '--scope', 'send'])) as { token: string };
  expect(await sendTwice(token, [])).toMatchObject({ recipients: { stored: 2 } });
  expect(await Promise.all(['l1', 'l2'].map(mailbox))).toEqual([1, 1]);
});

test('after a send with --in the printed --at makes the next run the same command', async () => {
  await users('t1', 't2');
  await writeFile(file, 't1\nt2\n');
  const { token } = (await system.json(['tokens', 'create', 'later', '--scope', 'send'])) as { token: string };
  expect(await sendTwice(token, ['--in', '600'])).toMatchObject({ recipients: { scheduled: 2 } });
});

test('a first request that was refused had no effect: there is nothing to go on with', async () => {
  await writeFile(file, 'k1\n');
  const run = await system.run(['send', '--to-file', file, '--command-id', '2001', '{"ask": 1}']);
  expect(run.code).toBe(1);
  expect(run.stderr).not.toContain('--idempotency-key');
});

test('with a receipt the states are counted, and recipients that will not get it are named', async () => {
  await users('r1', 'r2');
  const run = await system.run(['send', '--to-file', '-', '--receipt', '--wait', '0', 'x'], {
    input: 'r1\nr2\nnobody-there\n',
  });
  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(/stored +2\n/);
  expect(run.stdout).toMatch(/nobody-there +failed \(unknown_user\)/);
});

test('Ctrl-C ends the following, with what is known', async () => {
  await users('p1', 'p2');
  const run = system.spawn(['send', '--to-file', '-', '--batch', '1', '--receipt', '--wait', '600', 'x']);
  const output = text(run.stdout);
  run.stdin.end('p1\np2\n');
  let notes = '';
  run.stderr.setEncoding('utf8').on('data', (note) => {
    notes += note;
    if (notes.includes('Following')) run.kill('SIGINT');
  });
  expect(await once(run, 'close')).toEqual([130, null]);
  expect(await output).toMatch(/stored +1\n|^STATE/);
});

test('--everyone reaches every user, also offline ones', async () => {
  await users('e1', 'e2');
  const before = await mailbox('e1');
  const { users: all } = (await system.json(['users', 'list', '--limit', '1000'])) as { users: unknown[] };
  const sent = await system.json(['send', '--everyone', 'for all', '--ttl', '60']);
  expect(sent).toMatchObject({ recipients: { stored: all.length, unknown: 0 } });
  expect(await mailbox('e1')).toBe(before + 1);
});

test('a file that is not there, names nobody or has a bad line is refused before anything is sent', async () => {
  expect(await system.run(['send', '--to-file', join(system.home, 'none'), 'x'])).toMatchObject({
    code: 2,
    stdout: '',
  });
  expect((await system.run(['send', '--to-file', '-', 'x'], { input: '# nobody\n' })).stderr).toContain('names nobody');
  const long = await system.run(['send', '--to-file', '-', 'x'], { input: `a\n${'x'.repeat(200)}\n` });
  expect(long.code).toBe(2);
  expect(long.stderr).toContain('line 2');
});

test('two targets at once are a usage error', async () => {
  const run = await system.run(['send', '--everyone', '--to', 'a', 'x']);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('one of --to, --to-file, --group, --all and --everyone');
});
