import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { Api } from '../../cli/support/api.ts';
import { parseChatLine } from '../../cli/support/chat-line.ts';
import { awaitDelivery, receiptText } from '../../cli/support/receipt.ts';
import { typedJson } from '../../cli/support/typed-json.ts';
import { keysOf } from '../../contract/store/keys.ts';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { Peer } from '../client/scripted-server.ts';
import { until } from '../kit/until.ts';
import { System } from './system.ts';

interface Sent {
  readonly receipt: { readonly id: string; readonly recipients: readonly { readonly phone_number: string }[] };
}

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

test('a message is sent, followed to its recipient, and shown again by its id', async () => {
  const token = await system.user('reader');
  const chat = system.spawn(['connect', '--listen', '--json'], { FRONTTCP_TOKEN: token });
  await line(chat.stderr, /Connected/);
  const shown = line(chat.stdout, /你好/);
  const sent = (await system.json(['send', '--to', 'reader', '--receipt', '你好'])) as Sent;
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

test('the receipt of a broadcast to many is read in pages, and shown up to a bound', async () => {
  await system.user('many-0');
  const sent = (await system.json(['send', '--to', 'many-0', '--receipt', '--wait', '0', 'x'])) as Sent;
  const { id } = sent.receipt;
  const redis = new Redis(String(system.env.REDIS_URL));
  onTestFinished(() => redis.disconnect());
  const reach = (from: number, n: number) =>
    redis.hset(
      keysOf(String(system.env.REDIS_KEY_PREFIX)).receipt(id),
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`u:device-${from + i}`, 'acknowledged 1'])),
    );
  const { token } = (await system.json(['users', 'token', 'boss'])) as { token: string };
  const api = new Api(system.api, token);

  await reach(0, 3_000);
  const whole = await awaitDelivery(api, id, 0);
  expect([new Set(whole.recipients.map((one) => one.phone_number)).size, whole.cursor]).toEqual([3_001, null]);
  const first = await system.run(['commands', 'show', id]);
  const cursor = new RegExp(`There are more: fronttcp commands show ${id} --cursor (\\d+)`).exec(first.stdout)?.[1];
  const next = (await system.json(['commands', 'show', id, '--cursor', String(cursor)])) as Sent['receipt'];
  expect(next.recipients.length).toBeGreaterThan(100);
  expect(first.stdout).not.toContain(` ${next.recipients[0]?.phone_number} `);

  await reach(3_000, 12_000);
  const part = await awaitDelivery(api, id, 0);
  expect(part.recipients.length).toBeGreaterThan(9_000);
  expect(part.recipients.length).toBeLessThan(12_000);
  expect(receiptText(part)).toContain(`--cursor ${part.cursor}`);
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

test('a number that a double cannot hold is sent, asked and replied digit by digit', async () => {
  const peer = new Peer(createConnection(system.port, '127.0.0.1'));
  onTestFinished(() => void peer.socket.destroy());
  peer.write(1, { phone_number: 'wide', token: await system.user('wide'), features: ['ack'] });
  await peer.expect(101);
  const wide = '{"serial":9007199254740993}';
  const digits = expect.stringContaining('"serial":9007199254740993');
  await system.json(['send', '--to', 'wide', '-c', '2001', wide]);
  expect(await peer.read()).toMatchObject({ commandId: 2001, body: digits });
  const asking = system.run(['ask', 'wide', wide, '--json']);
  const asked = await peer.read();
  expect(asked).toMatchObject({ commandId: 2000, body: digits });
  const { ask } = JSON.parse(asked.body) as { ask: string };
  peer.socket.write(encodeFrame(1100, 7, `{"ask":"${ask}","reply":${wide}}`));
  expect(await asking).toMatchObject({ code: 0, stdout: expect.stringContaining(`"reply":${wide}`) });
  expect(JSON.stringify(parseChatLine(`/cmd 1000 ${wide}`))).toContain(wide);
});

test('a number is refused where JSON.parse does not give its digits, as on Node 20', () => {
  const parse = JSON.parse;
  vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) =>
    parse(text, reviver && ((key, value) => reviver(key, value, {}))),
  );
  onTestFinished(() => void vi.restoreAllMocks());
  expect(() => typedJson('[9007199254740993]')).toThrow(expect.objectContaining({ exitCode: 2 }));
  expect(parseChatLine('/cmd 1000 {"a": -1e300}')).toMatchObject({ kind: 'wrong' });
  expect(typedJson('["9007199254740993", 0.1]')).toEqual(['9007199254740993', 0.1]);
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

test('a chat whose user connects elsewhere ends, and says how to take the connection back', async () => {
  const env = { FRONTTCP_TOKEN: await system.user('twice') };
  const chat = system.spawn(['connect', '--listen'], env);
  const closed = once(chat, 'close');
  let said = '';
  chat.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  await until('it is connected', () => said.includes('Connected'));
  expect(await system.run(['connect'], { env })).toMatchObject({ code: 0 });
  expect(await closed).toEqual([1, null]);
  expect(said).toContain('Run the command again to take the connection back.');
});

test('messages of others cannot send control codes to the terminal', async () => {
  const token = await system.user('victim');
  await system.json(['send', '--to', 'victim', '\u001b]0;owned\u0007\u001b[2J\u202eevil\nboss: fake']);
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const shown = await line(chat.stdout, /owned/);
  expect(shown).toContain('\\u001b]0;owned\\u0007\\u001b[2J\\u202eevil');
  chat.kill('SIGTERM');
});

/** The first line of a stream that matches. */
async function line(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  for await (const text of createInterface({ input: stream })) if (pattern.test(text)) return text;
  throw new Error(`it ended without ${pattern}`);
}
