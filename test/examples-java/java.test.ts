import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { server } from '../client/dialogue.ts';
import { expectAgain, expectReply, expectReplyAgain } from '../examples/support/asks.ts';
import { expectNoSendBeforeTheVerdict } from '../examples/support/broken.ts';
import { expectConformance } from '../examples/support/conformance.ts';
import { type RunningProcess, repository, startProcess } from '../kit/process.ts';
import { invalidHeaders, vectors } from '../vectors/vectors.ts';

const folder = mkdtempSync(join(tmpdir(), 'fronttcp-java-'));
const jar = join(folder, 'fronttcp.jar');

beforeAll(() => {
  const built = spawnSync('sh', [join(repository, 'examples/clients/java/build.sh'), folder], { encoding: 'utf8' });
  expect(built.stderr).toBe('');
  // Once: java would compile it for each test.
  const probe = join(repository, 'test/examples-java/Probe.java');
  const compiled = spawnSync('javac', ['-cp', jar, '-d', folder, probe], { encoding: 'utf8' });
  expect(compiled.stderr).toBe('');
});
afterAll(() => rmSync(folder, { recursive: true }));

const java = (port: number, userId = 'me') => ['java', '-jar', jar, '127.0.0.1', String(port), userId, 'you'] as const;

test('the Java client keeps to every clause', () => expectConformance(java));

test('the Java client replies to a message that asks, through a real gateway', () => expectReply(java));

test('a handler of the Java client that fails sends no reply, and is called again', () => expectAgain(java));

test('the Java client sends a lost reply again, and does not call its handler again', () => expectReplyAgain(java));

test('the Java client refuses to send before its verify is accepted', () => expectNoSendBeforeTheVerdict(java));

/** See Probe.java. */
function probe(what: string, port: number): RunningProcess {
  const running = startProcess('java', ['-cp', `${jar}:${folder}`, 'Probe', what, String(port)]);
  onTestFinished(async () => {
    await running.stop('SIGKILL');
  });
  return running;
}

test('close() of the Java client while it connects ends it without a verify', async () => {
  const scripted = await server();
  const running = probe('closing', scripted.port);
  const { code } = await running.exit;
  expect(code, running.output()).toBe(0);
  expect(scripted.count).toBe(0);
});

test('close() of the Java client ends it while a send is blocked', async () => {
  const scripted = await server();
  const running = probe('blocked', scripted.port);
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.socket.pause();
  const { code } = await running.exit;
  expect(code, running.output()).toBe(0);
});

test('close() of the Java client ends its pause before it comes back', async () => {
  const scripted = await server();
  const running = probe('pausing', scripted.port);
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.write(112, { reason: 'draining', reconnect_after_ms: 600_000 });
  peer.socket.end();
  const { code } = await running.exit;
  expect(code, running.output()).toBe(0);
});

test('a message comes again when the handler of the Java client throws an unchecked exception', async () => {
  const scripted = await server();
  probe('failing', scripted.port);
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.message('100', 'x');
  await peer.ended;
  const next = await scripted.accept();
  await next.verify({ lost: 0 });
  next.message('100', 'x');
  expect(await next.expect(6)).toEqual({ ids: ['100'] });
});

// Takes the 10 s of the time limits.
test('the Java client gives up a TLS handshake that the server does not answer, and a write that it does not read', async () => {
  const giveUpHandshake = async () => {
    const scripted = await server();
    probe('tls', scripted.port);
    const peer = await scripted.accept();
    await peer.ended;
    await scripted.accept();
  };
  const giveUpWrite = async () => {
    const scripted = await server();
    probe('unread', scripted.port);
    const peer = await scripted.accept();
    await peer.verify({ lost: 0 });
    peer.socket.pause();
    peer.message('100', 'x');
    await scripted.accept();
  };
  await Promise.all([giveUpHandshake(), giveUpWrite()]);
});

test('the Java decoder reads all vectors, and stops at a bad header', () => {
  const stream = Buffer.concat(vectors.map(({ hex }) => Buffer.from(hex, 'hex')));
  const lines = vectors.map(({ version, command_id, body }) => `${version} ${command_id} ${body}`);
  for (const { name, hex } of invalidHeaders) {
    const input = Buffer.concat([stream, Buffer.from(hex, 'hex'), stream]);
    const { stdout } = spawnSync('java', ['-jar', jar, '--decode'], { input, encoding: 'utf8' });
    expect(stdout.trimEnd().split('\n'), name).toEqual([...lines, 'invalid']);
  }
});
