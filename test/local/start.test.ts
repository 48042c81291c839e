import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Peer } from '../kit/peer.ts';
import { reservePort } from '../kit/ports.ts';
import { type RunningProcess, repository, startProcess } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

interface Ports {
  api: number;
  gateway: number;
  health: number;
}

/** A second gateway has the ports after the next ones. */
async function ports(): Promise<Ports> {
  return { api: await reservePort(), gateway: await reservePort(3), health: await reservePort(3) };
}

const envOf = ({ api, gateway, health }: Ports) => ({
  API_PORT: String(api),
  GATEWAY_PORT: String(gateway),
  HEALTH_PORT: String(health),
});

/** In a folder of its own, where it keeps the data of a Redis of its own. */
async function startAlone(args: string[], env: Record<string, string | undefined>): Promise<RunningProcess> {
  const cwd = await mkdtemp(join(tmpdir(), 'fronttcp-start-'));
  const running = startProcess(process.execPath, [join(repository, 'local/start.ts'), ...args], {
    cwd,
    env: { REDIS_URL: undefined, ...env },
  });
  onTestFinished(async () => {
    if (!running.hasExited) await running.stop('SIGTERM', 40_000);
    await rm(cwd, { recursive: true, force: true });
  });
  return running;
}

async function post(port: number, path: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  return (await response.json()) as Record<string, unknown>;
}

async function logIn(port: number, user: string): Promise<string> {
  return String((await post(port, '/login', { phone_number: user, password: '123456' })).token);
}

test('brings up Redis, the API and the gateways that were asked for, with the demo users, and stops cleanly', async () => {
  const at = await ports();
  const running = await startAlone(['--gateways', '2'], envOf(at));
  await running.line(/fronttcp is ready/, 150_000);
  expect(running.output()).toContain(`http://127.0.0.1:${at.api}/web/send-command`);

  const second = await Peer.connect(at.gateway + 2);
  const token = await logIn(at.api, '13565208554');
  expect((await second.verify('13565208554', { token })).code).toBe(1);
  const operator = await logIn(at.api, '13764408552');
  const command = { command_id: 102, chat_to: '13565208554', content: 'hello' };
  expect(await post(at.api, '/send-command', command, operator)).toMatchObject({
    code: 1,
    recipients: { online: 1, stored: 0, unknown: 0 },
  });
  await second.receives(102, { chat_from: '13764408552', chat_content: 'hello' }, 1100);
  for (const i of [0, 1]) expect((await fetch(`http://127.0.0.1:${at.health + 2 * i}/readyz`)).status).toBe(200);

  expect(await running.stop('SIGINT', 40_000)).toEqual({ code: 0, signal: null });
  await second.isClosedSilently();
  await expect(fetch(`http://127.0.0.1:${at.api}/stats`)).rejects.toThrow();
}, 300_000);

test('starts another gateway in the place of one that was killed', async () => {
  const at = await ports();
  const running = await startAlone([], envOf(at));
  await running.line(/fronttcp is ready/, 150_000);
  const operator = await logIn(at.api, '13764408552');
  const pidOf = async () => {
    const response = await fetch(`http://127.0.0.1:${at.api}/stats`, {
      headers: { authorization: `Bearer ${operator}` },
    });
    const { gateways } = (await response.json()) as { gateways: { live: boolean; facts: { pid: string } }[] };
    return gateways.filter(({ live }) => live).map(({ facts }) => Number(facts.pid));
  };
  const [killed = 0] = await pidOf();
  process.kill(killed, 'SIGKILL');
  await running.line(/ended \(SIGKILL\); starting another/);
  await until('another one is ready', async () => (await pidOf()).some((pid) => pid !== killed), {
    timeoutMs: 100_000,
  });
  const peer = await Peer.connect(at.gateway);
  expect((await peer.verify('13764408552', { token: operator })).code).toBe(1);
}, 300_000);

test('a signal to npm alone stops everything, with exit code 0', async () => {
  const at = await ports();
  const env = { ...envOf(at), REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
  const npm = startProcess('npm', ['start'], { env });
  await npm.line(/fronttcp is ready/, 150_000);
  expect(await npm.stop('SIGTERM', 40_000)).toEqual({ code: 0, signal: null });
  for (const port of [at.api, at.gateway, at.health]) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  }
}, 300_000);

test.each([
  [
    'a port of the API that is taken',
    (port: number) => ({ API_PORT: String(port) }),
    /API_PORT|port \d+ of 127.0.0.1 is taken/,
  ],
  ['a port of the gateway that is taken', (port: number) => ({ GATEWAY_PORT: String(port) }), /GATEWAY_PORT/],
])(
  '%s is named, and nothing is left running',
  async (_, taken, words) => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const at = await ports();
    const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
    const running = await startAlone([], { ...envOf(at), ...env, ...taken(port) });
    expect((await running.exit).code).toBe(1);
    expect(running.output()).toMatch(words);
  },
  300_000,
);

test('every mistake of the environment is reported at once, before anything is started', async () => {
  const running = await startAlone([], { API_PORT: 'x', HEARTBEAT_TIMEOUT_MS: '-1', TOKEN_TTL_S: 'soon' });
  expect((await running.exit).code).toBe(1);
  for (const name of ['API_PORT', 'HEARTBEAT_TIMEOUT_MS', 'TOKEN_TTL_S']) expect(running.output()).toContain(name);
});

test('a Redis that does not reply is named, without its password', async () => {
  const gone = `127.0.0.1:${await reservePort()}`;
  const running = await startAlone([], { ...envOf(await ports()), REDIS_URL: `redis://user:s3cret@${gone}` });
  expect((await running.exit).code).toBe(1);
  expect(running.output()).toMatch(new RegExp(`REDIS_URL.*${gone}.*ECONNREFUSED`));
  expect(running.output()).not.toContain('s3cret');
});

test('GATEWAY_PORT=0 is refused by its name: clients could not know the port', async () => {
  const running = await startAlone([], { GATEWAY_PORT: '0' });
  expect((await running.exit).code).toBe(1);
  expect(running.output()).toContain('GATEWAY_PORT must be at least 1');
});

test.each([['0'], ['many'], ['65']])('--gateways %s is refused', async (count) => {
  const running = await startAlone(['--gateways', count], {});
  expect((await running.exit).code).toBe(1);
  expect(running.output()).toContain('--gateways');
});
