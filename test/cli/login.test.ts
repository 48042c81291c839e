import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

test('a later login keeps where the gateway is, except for what it says anew', async () => {
  await system.user('moving');
  const env = { XDG_CONFIG_HOME: join(system.home, 'moving') };
  const kept = async (...args: string[]) => {
    await system.json(['login', 'moving', '--password-stdin', ...args], { input: 'secret\n', env });
    const { logins } = JSON.parse(await readFile(join(env.XDG_CONFIG_HOME, 'fronttcp/credentials.json'), 'utf8'));
    return logins[system.api];
  };
  await kept('--host', 'tcp.example.com', '--port', '8443', '--tls');
  expect(await kept()).toMatchObject({ host: 'tcp.example.com', port: 8_443, tls: true });
  expect(await kept('--port', '9443')).toMatchObject({ host: 'tcp.example.com', port: 9_443, tls: true });
  const { host, port, tls } = await kept('--host', '127.0.0.1');
  expect({ host, port, tls }, 'another gateway').toEqual({ host: '127.0.0.1' });
});

test('the API of the last login is the one that other commands use', async () => {
  const run = await system.run(['stats', '--json'], { env: { FRONTTCP_API: undefined } });
  expect(run).toMatchObject({ code: 0 });
  expect(JSON.parse(run.stdout)).toMatchObject({ gateways: [{ live: true }] });
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
