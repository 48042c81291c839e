import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { tokenAtRest } from '../../../contract/store/tokens.ts';
import { createLog } from '../../../functions/runtime/log.ts';
import { endWithUs } from '../../../local/end-with-us.ts';
import { startApi } from '../../../local/http/server.ts';
import { ask } from '../../../local/redis/ping.ts';
import { server } from '../../client/dialogue.ts';
import { startClientGateway } from '../../client/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../../kit/redis.ts';

type CommandLine = (port: number, userId: string) => readonly [string, ...string[]];

const TOKEN = `${Buffer.from('op').toString('base64url')}.${'t'.repeat(43)}`;

/** Runs a client that replies to every message that asks. Returns the lines that it prints, each a message. */
function start(
  [command, ...args]: readonly [string, ...string[]],
  token: string,
  reply: string,
): AsyncIterator<string> {
  const env = { ...process.env, FRONTTCP_TOKEN: token, FRONTTCP_REPLY: reply, FRONTTCP_BACKOFF_MAX_MS: '50' };
  const program = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  endWithUs(program);
  onTestFinished(async () => {
    const exited = new Promise((resolve) => program.once('exit', resolve));
    if (program.kill('SIGKILL')) await exited;
  });
  return createInterface({ input: program.stdout })[Symbol.asyncIterator]();
}

/** A caller of the HTTP API gets the reply of the client through a real gateway, and the client acknowledges the message too. */
export async function expectReply(client: CommandLine): Promise<void> {
  const prefix = uniquePrefix();
  const gateway = await startClientGateway(prefix);
  onTestFinished(() => gateway.stop());
  const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: prefix };
  const api = await startApi({ port: 0, env, log: createLog({ level: 'silent' }) });
  onTestFinished(() => api.close());
  await ask(env.REDIS_URL, 'HSET', `${prefix}user:op`, 'role', 'operator', 'token', tokenAtRest(TOKEN));
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${api.url}${path}`, { method, headers, body: JSON.stringify(body) ?? null });
    const answer = (await response.json()) as Record<string, unknown>;
    return { ...answer, id: answer.id, status: response.status };
  };

  const reply = { celsius: 21.5, text: '你好 "quoted" \\ {}', list: [true, null] };
  const printed = start(client(gateway.port, 'pump 7'), await gateway.token('pump 7'), JSON.stringify(reply));
  const command = { command_id: 2001, chat_to: 'pump 7', content: { read: 'temperature' } };
  // Stored until the client has connected, then asked.
  const answer = await call('POST', '/send-command', { ...command, wait: 'reply', timeout_s: 25 });
  expect(answer).toMatchObject({ status: 200, outcome: 'replied', reply });
  expect(JSON.parse(String((await printed.next()).value))).toMatchObject({ read: 'temperature', ask: answer.id });
  const acknowledged = await call('POST', '/send-command', { ...command, wait: 'acknowledged' });
  expect(acknowledged).toMatchObject({ status: 200, outcome: 'acknowledged' });
  expect(JSON.parse(String((await printed.next()).value))).not.toHaveProperty('ask');
}

/** A handler that fails sends nothing: the message is not acknowledged, comes again on the next connection, and is handled again. */
export async function expectAgain(client: CommandLine): Promise<void> {
  const scripted = await server();
  const printed = start(client(scripted.port, 'me'), 'any', 'not JSON');
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.write(102, { chat_from: 'x', chat_content: 'first', id: '100', sent_at: 1, ask: '100' });
  await printed.next();
  // Acknowledged: the frame after a handler that failed is the next one's.
  peer.message('101', 'second');
  expect(JSON.parse(String((await printed.next()).value))).toMatchObject({ chat_content: 'second' });
  expect(await peer.expect(6)).toEqual({ ids: ['101'] });
  peer.write(112, { reason: 'draining', reconnect_after_ms: 1 });
  peer.socket.end();
  const next = await scripted.accept();
  await next.verify({ lost: 0 });
  next.write(102, { chat_from: 'x', chat_content: 'again', id: '100', sent_at: 1, ask: '100' });
  expect(JSON.parse(String((await printed.next()).value))).toMatchObject({ chat_content: 'again' });
}

/** A reply that was lost with its connection is sent again when its message comes again; the handler is not called again. */
export async function expectReplyAgain(client: CommandLine): Promise<void> {
  const scripted = await server();
  const printed = start(client(scripted.port, 'me'), 'any', '{"celsius":21.5}');
  const asked = { chat_from: 'x', chat_content: 'asked', id: '100', sent_at: 1, ask: '100' };
  const peer = await scripted.accept();
  await peer.verify({ lost: 0 });
  peer.write(102, asked);
  expect(await peer.expect(7)).toEqual({ ask: '100', reply: { celsius: 21.5 } });
  expect(await peer.expect(6)).toEqual({ ids: ['100'] });
  peer.socket.destroy();
  const next = await scripted.accept();
  await next.verify({ lost: 0 });
  next.write(102, asked);
  expect(await next.expect(7)).toEqual({ ask: '100', reply: { celsius: 21.5 } });
  expect(await next.expect(6)).toEqual({ ids: ['100'] });
  next.message('101', 'next');
  for (const content of ['asked', 'next']) {
    expect(JSON.parse(String((await printed.next()).value))).toMatchObject({ chat_content: content });
  }
}
