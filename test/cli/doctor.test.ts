import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { certificateCheck } from '../../cli/support/doctor/certificate.ts';
import { clockCheck } from '../../cli/support/doctor/check.ts';
import { machineArea } from '../../cli/support/doctor/machine.ts';
import { portsArea } from '../../cli/support/doctor/ports.ts';
import { parseInfo, settingChecks } from '../../cli/support/doctor/store-settings.ts';
import { Peer } from '../kit/peer.ts';
import { reservePort } from '../kit/ports.ts';
import { repository } from '../kit/process.ts';
import { startTestRedis } from '../kit/redis.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

const check = z.object({ name: z.string(), state: z.string(), found: z.string(), mend: z.string().optional() });
const report = z.object({
  ok: z.boolean(),
  areas: z.array(z.object({ title: z.string(), checks: z.array(check) })),
});

async function examine(env: Record<string, string | undefined> = {}) {
  const run = await system.run(['doctor', '--json'], { env });
  const { ok, areas } = report.parse(JSON.parse(run.stdout));
  const find = (title: string, name: string) =>
    areas.find((area) => area.title.startsWith(title))?.checks.find((found) => found.name === name);
  return { code: run.code, ok, find };
}

test('a working system passes: Redis, API, login and gateway', async () => {
  const { code, ok, find } = await examine();
  expect({ code, ok }).toEqual({ code: 0, ok: true });
  for (const [title, name] of [
    ['This machine', 'Node'],
    ['Redis', 'reachable'],
    ['Redis', 'version'],
    ['Redis', 'scripts'],
    ['Redis', 'clock'],
    ['Redis', 'gateways'],
    ['HTTP API', 'reachable'],
    ['HTTP API', 'login'],
    ['Gateway', 'protocol'],
  ] as const) {
    const found = find(title, name);
    // Beside other tests a round trip may really be slow: more than 20 ms is a warning.
    const roundTripMs = Number(/^yes, ([\d.]+) ms/.exec(found?.found ?? '')?.[1] ?? 0);
    expect(found, `${title} ${name}`).toMatchObject({ state: roundTripMs > 20 ? 'warn' : 'ok' });
  }
  expect(find('Redis', 'gateways')?.found).toMatch(/^1 live, net (node|native)$/);
});

test('a message that a client is sent in session after session is named, with the command that deletes it', async () => {
  const token = await system.user('stuck');
  await system.json(['send', 'poison', '--to', 'stuck']);
  let id = '';
  for (let i = 0; i < 6; i += 1) {
    const client = await Peer.connect(system.port);
    client.send(1, { phone_number: 'stuck', token, features: ['ack'] });
    await client.receives(101);
    id = ((await client.receives(102)).body as { id: string }).id;
    await client.leave();
  }
  const { find } = await examine();
  expect(find('Redis', 'repeated messages')).toEqual({
    name: 'repeated messages',
    state: 'warn',
    found: `stuck: message ${id}, 6 sessions`,
    mend: expect.stringContaining('fronttcp users drop-message'),
  });
  await system.json(['users', 'drop-message', 'stuck', id]);
  expect((await examine()).find('Redis', 'repeated messages')).toMatchObject({ state: 'ok' });
});

test('findings exit with 1, and each says how to mend it', async () => {
  const evicting = await startTestRedis({ args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'] });
  onTestFinished(() => evicting.stop());
  const nowhere = String(await reservePort());
  const { code, ok, find } = await examine({
    REDIS_URL: evicting.url,
    FRONTTCP_API: `http://127.0.0.1:${nowhere}`,
    FRONTTCP_PORT: nowhere,
  });
  expect({ code, ok }).toEqual({ code: 1, ok: false });
  expect(find('Redis', 'memory')).toMatchObject({ state: 'fail', mend: expect.stringContaining('noeviction') });
  expect(find('Redis', 'durability')).toMatchObject({ state: 'warn', mend: expect.stringContaining('appendonly') });
  expect(find('Redis', 'gateways')).toMatchObject({ state: 'warn' });
  expect(find('HTTP API', 'reachable')).toMatchObject({
    state: 'fail',
    found: expect.stringContaining('ECONNREFUSED'),
  });
  expect(find('Gateway', 'protocol')).toMatchObject({ state: 'fail', mend: expect.stringContaining('--port') });
});

test('without a Redis address its checks are left out; a Redis that is away is a finding', async () => {
  const unnamed = await examine({ REDIS_URL: undefined });
  expect(unnamed.find('Redis', 'reachable')).toMatchObject({ state: 'skipped' });
  const away = await system.run(['doctor'], { env: { REDIS_URL: `redis://127.0.0.1:${await reservePort()}` } });
  expect(away.code).toBe(1);
  expect(away.stdout).toMatch(/✗ reachable {2}127\.0\.0\.1:\d+: Redis is out of reach/);
});

test('the values of INFO are checked', () => {
  const judged = (info: string) =>
    Object.fromEntries(settingChecks(parseInfo(info)).map(({ name, state }) => [name, state]));
  expect(judged('role:master\r\nmaxmemory:0\r\nmaxclients:100\r\nconnected_clients:5\r\naof_enabled:1\r\n')).toEqual({
    role: 'ok',
    memory: 'ok',
    connections: 'ok',
    durability: 'ok',
  });
  expect(judged('role:slave')).toMatchObject({ role: 'fail' });
  expect(judged('maxmemory:100\nused_memory:90\nmaxmemory_policy:noeviction')).toMatchObject({ memory: 'warn' });
  expect(judged('maxmemory:100\nmaxmemory_policy:volatile-ttl')).toMatchObject({ memory: 'warn' });
  expect(judged('maxclients:10\nconnected_clients:9')).toMatchObject({ connections: 'warn' });
  expect(judged('aof_enabled:0\nconnected_slaves:1')).toMatchObject({ durability: 'ok' });
});

test('a clock is wrong only beyond the error of its measurement', () => {
  expect(clockCheck('clock', 400, 500)).toMatchObject({ state: 'ok' });
  expect(clockCheck('clock', -4_000, 500)).toMatchObject({ state: 'warn', found: '4.0 s behind this machine' });
  expect(clockCheck('clock', 60_000, 500)).toMatchObject({ state: 'fail' });
});

test('an untrusted certificate and a port without TLS are different findings', async () => {
  const read = (file: string) => readFileSync(join(repository, 'test/fixtures/tls', file));
  const server = createServer({ cert: read('server-1.cert.pem'), key: read('server-1.key.pem') }).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await certificateCheck('TLS', '127.0.0.1', port)).toMatchObject({
    state: 'fail',
    found: expect.stringContaining('not trusted'),
  });
  const where = ['--host', '127.0.0.1', '--port', String(port), '--tls'];
  const refused = await system.runProgram(['connect', ...where], { env: { NODE_EXTRA_CA_CERTS: undefined } });
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringMatching(/certificate[\s\S]*NODE_EXTRA_CA_CERTS/) });
  expect(refused.stderr).not.toContain('Deprecation');
  expect(await certificateCheck('TLS', '127.0.0.1', system.port)).toMatchObject({
    state: 'fail',
    found: expect.stringContaining('no TLS'),
  });
});

test('a port that is taken comes with a flag for another', async () => {
  const { checks } = await portsArea({ API_PORT: new URL(system.api).port, GATEWAY_PORT: String(system.port) });
  expect(checks).toMatchObject([
    { state: 'ok', found: 'fronttcp runs there' },
    { state: 'warn', mend: expect.stringContaining('--gateway-port') },
    {},
  ]);
});

test('the health port of a running gateway is not called taken, another program on it is', async () => {
  const ports = async (port: number) => (await portsArea({ HEALTH_PORT: String(port) })).checks[2];
  expect(await ports(system.healthPort)).toMatchObject({ state: 'ok', found: 'fronttcp runs there' });
  expect(await ports(Number(new URL(system.api).port))).toMatchObject({
    state: 'warn',
    mend: expect.stringContaining('--health-port'),
  });
});

test('the ports of a system of this folder are not called taken', async () => {
  const { checks } = await portsArea({ API_PORT: String(system.port), GATEWAY_PORT: String(system.port) }, [
    system.port,
  ]);
  for (const check of checks.slice(0, 2)) expect(check).toMatchObject({ state: 'ok', found: 'fronttcp runs there' });
});

test('the limits of the machine are checked', async () => {
  const { checks } = await machineArea();
  expect(checks.map(({ name }) => name)).toEqual(['Node', 'open files', 'outgoing ports', 'connections waiting']);
});
