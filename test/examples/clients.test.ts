import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { server } from '../client/dialogue.ts';
import { startClientGateway, type TestGateway } from '../client/gateway.ts';
import { repository } from '../kit/process.ts';
import { invalidHeaders, vectors } from '../vectors/vectors.ts';
import { expectAgain, expectReply, expectReplyAgain } from './support/asks.ts';
import { expectLinesAfterAReset, expectNothingBehindATornFrame } from './support/broken.ts';
import { expectConformance } from './support/conformance.ts';
import { type CommandLine, Program } from './support/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'fronttcp-examples-'));
const cClient = join(folder, 'fronttcp_client');
const pythonClient = join(repository, 'examples/clients/fronttcp_client.py');
let gateway: TestGateway;

beforeAll(async () => {
  const compiler = spawnSync(
    'cc',
    [
      ...['-std=c99', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-pedantic'],
      ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
      ...['-o', cClient, join(repository, 'examples/clients/fronttcp_client.c')],
    ],
    { encoding: 'utf8' },
  );
  expect(compiler.stderr).toBe('');
  gateway = await startClientGateway();
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

const clients = [
  {
    name: 'Python',
    start: (port: number, userId: string, token: string, to: string) =>
      new Program(['python3', pythonClient, '--port', String(port), '--phone-number', userId, '--to', to], token),
  },
  {
    name: 'C',
    start: (port: number, userId: string, token: string, to: string) =>
      new Program([cClient, '127.0.0.1', String(port), userId, to], token),
  },
];

describe.each(clients)('the $name client', ({ name, start }) => {
  test('sends and receives through a real gateway', async () => {
    const peer = await gateway.connect(`peer-${name}`);
    const userId = `device "${name}"`;
    const program = start(gateway.port, userId, await gateway.token(userId), `peer-${name}`);
    await program.says('verified');
    program.type('你好 "from" \\ the device');
    for await (const message of peer) {
      expect(message).toMatchObject({ from: userId, content: '你好 "from" \\ the device' });
      break;
    }
    const id = await peer.send(userId, '你好 to the device');
    expect(await program.message()).toMatchObject({ chat_content: '你好 to the device', id });
  });

  test('acknowledges what it has printed, and gets what was sent while it was offline', async () => {
    const userId = `mailbox-${name}`;
    const token = await gateway.token(userId);
    const sender = await gateway.connect(`sender-${name}`);
    await sender.send(userId, 'stored');
    const first = start(gateway.port, userId, token, 'nobody');
    expect(await first.message()).toMatchObject({ chat_content: 'stored' });
    await sender.send(userId, 'live');
    expect(await first.message()).toMatchObject({ chat_content: 'live' });
    first.child.kill('SIGKILL');
    await first.exited;
    await sender.send(userId, 'next');
    // A message that was printed and acknowledged in the last moment may come again; what is older may not.
    const second = start(gateway.port, userId, token, 'nobody');
    let message = await second.message();
    if (message.chat_content === 'live') message = await second.message();
    expect(message).toMatchObject({ chat_content: 'next' });
  });

  test('ends when its token is refused', async () => {
    await gateway.token(`refused-${name}`);
    const program = start(gateway.port, `refused-${name}`, 'wrong', 'nobody');
    expect(await program.exited).toBe(1);
  });

  test('heartbeats, drops duplicates, ignores unknown commands, and reconnects after a goodbye', async () => {
    const scripted = await server();
    const program = start(scripted.port, 'me', 'token', 'you');
    const peer = await scripted.accept();
    await peer.verify({ heartbeat_timeout_ms: 3_000, lost: 0 });
    await peer.expect(5);
    peer.write(105);
    peer.write(199, { newer: true });
    peer.message('100', 'once');
    peer.message('100', 'once');
    peer.message('101', 'twice');
    expect(await program.message()).toMatchObject({ chat_content: 'once' });
    expect(await program.message()).toMatchObject({ chat_content: 'twice' });
    peer.write(112, { reason: 'draining', reconnect_after_ms: 5 });
    peer.socket.end();
    const next = await scripted.accept();
    await next.verify({ heartbeat_timeout_ms: 60_000, lost: 0 });
    next.message('101', 'twice');
    next.message('102', 'new');
    expect(await program.message()).toMatchObject({ chat_content: 'new' });
  });

  test('finds a server that vanished', async () => {
    const scripted = await server();
    start(scripted.port, 'me', 'token', 'you');
    const peer = await scripted.accept();
    await peer.verify({ heartbeat_timeout_ms: 60, lost: 0 });
    await (await scripted.accept()).expect(1);
  });

  test('does not reconnect after a takeover', async () => {
    const scripted = await server();
    const program = start(scripted.port, 'me', 'token', 'you');
    const peer = await scripted.accept();
    await peer.verify({ lost: 0 });
    peer.write(112, { reason: 'taken_over', reconnect_after_ms: 1 });
    peer.socket.end();
    expect(await program.exited).toBe(1);
    expect(scripted.count).toBe(1);
  });
});

const python = (port: number, userId = 'me'): CommandLine => [
  'python3',
  ...[pythonClient, '--port', `${port}`, '--phone-number', userId, '--to', 'you'],
];
const c = (port: number, userId = 'me'): CommandLine => [cClient, '127.0.0.1', String(port), userId, 'you'];
const plain = [['Python', python] as const, ['C', c] as const];

test.concurrent.each(plain)('the %s client keeps to every clause', (_, start) => expectConformance(start));

test.each(plain)('the %s client replies to a message that asks, through a real gateway', (_, start) =>
  expectReply(start),
);

test.each(plain)('the %s client sends a lost reply again, and does not call its handler again', (_, start) =>
  expectReplyAgain(start),
);

test('a handler of the Python client that fails sends no reply, and is called again', () => expectAgain(python));

test('the Python client backs off while the server cannot be reached after a goodbye', async () => {
  const scripted = await server();
  const program = new Program(python(scripted.port), 'token', { FRONTTCP_BACKOFF_MAX_MS: '5' });
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  scripted.server.close();
  peer.write(112, { reason: 'draining', reconnect_after_ms: 7 });
  peer.socket.end();
  expect(JSON.parse(await program.says('reconnecting'))).toMatchObject({ delay: 0.007 });
  expect(JSON.parse(await program.says('reconnecting')).delay).toBeLessThanOrEqual(0.005);
});

test.each(plain)(
  'the %s client comes back when its connection is reset within its input, and sends the rest',
  (_, start) => expectLinesAfterAReset(start),
);

const PYTHON_SENDER = `
import json, sys
sys.path.insert(0, sys.argv[1])
import fronttcp_client
fronttcp_client.CONNECT_SECONDS = 1
client = fronttcp_client.Client("127.0.0.1", int(sys.argv[2]), "me", "any")
def try_send(text):
    try:
        client.send("you", text)
    except OSError:
        return False
    return True
while try_send("x" * 60_000):
    pass
print('{"sent": false}', flush=True)
sys.stdin.readline()
print(json.dumps({"sent": try_send("behind")}), flush=True)
client.poll(None)
`;

test('the Python client sends nothing behind a frame that was sent in part', () =>
  expectNothingBehindATornFrame((port) => [
    'python3',
    ...['-c', PYTHON_SENDER, join(repository, 'examples/clients'), String(port)],
  ]));

const lines = vectors.map(({ version, command_id, body }) => `${version} ${command_id} ${body}`);
const stream = Buffer.concat(vectors.map(({ hex }) => Buffer.from(hex, 'hex')));

test('the C decoder reads all vectors, in pieces of every size, and stops at a bad header', () => {
  for (const size of [1, 7, 13, 4_096, stream.length]) {
    const out = spawnSync('sh', ['-c', `dd bs=${size} 2>/dev/null | "$0" --decode`, cClient], { input: stream });
    expect(String(out.stdout).trimEnd().split('\n'), `pieces of ${size}`).toEqual(lines);
  }
  for (const { hex } of invalidHeaders.filter(({ name }) => !name.includes('65,537'))) {
    const input = Buffer.concat([stream, Buffer.from(hex, 'hex'), stream]);
    const out = spawnSync(cClient, ['--decode'], { input });
    expect(String(out.stdout).trimEnd().split('\n')).toEqual([...lines, 'invalid']);
  }
});

const PYTHON_VECTORS = `
import json, sys
sys.path.insert(0, sys.argv[1])
from fronttcp_client import Decoder, ProtocolError, encode
document = json.load(sys.stdin)
for vector in document["frames"]:
    whole = bytes.fromhex(vector["hex"])
    parts = (vector["version"], vector["command_id"], vector["body"].encode())
    assert encode(*parts) == whole, vector["name"]
    for at in range(len(whole) + 1):
        decoder = Decoder()
        assert decoder.feed(whole[:at]) + decoder.feed(whole[at:]) == [parts], (vector["name"], at)
    decoder = Decoder()
    assert [f for byte in whole for f in decoder.feed(bytes([byte]))] == [parts], vector["name"]
for vector in document["invalid"]:
    decoder = Decoder(document["max_frame_bytes"])
    try:
        decoder.feed(bytes.fromhex(vector["hex"]))
    except ProtocolError:
        continue
    raise AssertionError(vector["name"])
print(len(document["frames"]) + len(document["invalid"]))
`;

test('the Python codec agrees with all vectors, at every split', () => {
  const input = JSON.stringify({ frames: vectors, invalid: invalidHeaders, max_frame_bytes: 65_536 });
  const args = ['-B', '-c', PYTHON_VECTORS, join(repository, 'examples/clients')];
  const out = spawnSync('python3', args, { input, encoding: 'utf8' });
  expect(out.stderr).toBe('');
  expect(out.stdout.trim()).toBe(String(vectors.length + invalidHeaders.length));
});
