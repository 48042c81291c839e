import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../shared/process.ts';
import { reservePort } from '../kit/ports.ts';
import { type RunningProcess, repository, startProcess } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { temporaryFolder } from './system.ts';

const launcher = join(repository, 'bin/fronttcp.mjs');
let folder: string;
let dev: RunningProcess;
let api: number;

beforeAll(async () => {
  folder = await temporaryFolder();
  api = await reservePort();
  const [gateway, health] = [await reservePort(), await reservePort()];
  const ports = ['--api-port', api, '--gateway-port', gateway, '--health-port', health].map(String);
  const env = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
  dev = startProcess(process.execPath, [launcher, 'dev', ...ports], { cwd: folder, env });
  await dev.line(/fronttcp is ready/, 60_000);
});
afterAll(async () => {
  await dev.stop('SIGTERM', 40_000);
  await rm(folder, { recursive: true });
});

/** As a user types it, in the same folder, who has set nothing. */
async function fronttcp(...args: string[]): Promise<{ code: number | null; output: string }> {
  const nothing = Object.fromEntries(
    ['FRONTTCP_API', 'FRONTTCP_PORT', 'FRONTTCP_TOKEN', 'REDIS_URL', 'REDIS_KEY_PREFIX'].map((name) => [
      name,
      undefined,
    ]),
  );
  const command = startProcess('sh', ['-c', `echo 123456 | "$0" "$@"`, process.execPath, launcher, ...args], {
    cwd: folder,
    env: { ...nothing, XDG_CONFIG_HOME: folder },
  });
  const { code } = await command.exit;
  return { code, output: command.output() };
}

test('commands in the folder of `dev` find its API, its gateway and its Redis', async () => {
  const login = await fronttcp('login', '13764408552', '--password-stdin');
  expect(login.output).toContain(`Logged in at http://127.0.0.1:${api}`);
  expect(await fronttcp('users', 'add', 'made-here', '--password-stdin')).toMatchObject({ code: 0 });
  expect((await fronttcp('users')).output).toContain('made-here');
  const chat = await fronttcp('connect', '--plain', '--to', 'made-here');
  expect(chat).toMatchObject({ code: 0 });
  expect(chat.output).toContain('Connected as 13764408552');
}, 90_000);

test('only the owner can read their addresses', async () => {
  const { mode } = await stat(join(folder, '.fronttcp/running.json'));
  expect(mode & 0o777).toBe(0o600);
});

test('a `dev` that is killed takes the system with it', async () => {
  const { pid } = JSON.parse(await readFile(join(folder, '.fronttcp/running.json'), 'utf8')) as { pid: number };
  expect(pid).not.toBe(dev.pid);
  process.kill(dev.pid, 'SIGKILL');
  const isGone = async () =>
    fetch(`http://127.0.0.1:${api}/openapi.json`).then(
      () => false,
      () => true,
    );
  await until('the API is gone', isGone, { timeoutMs: 30_000 });
  await until('its process is gone', () => !isAlive(pid), { timeoutMs: 40_000 });
}, 90_000);
