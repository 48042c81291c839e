import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import { type StartedRedis, startRedis } from '../../local/redis/start.ts';
import { isAlive } from '../../shared/process.ts';
import { type RunningProcess, startProcess } from '../kit/process.ts';
import { until } from '../kit/until.ts';

let dataDir: string;
let said: string[];
const running: StartedRedis[] = [];
const programs: RunningProcess[] = [];
const redisPids: number[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fronttcp-start-'));
  said = [];
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
  await Promise.all(running.splice(0).map((redis) => redis.stop()));
  // The guard stops these after their owner's end; until then they write to the folder.
  for (const pid of redisPids.splice(0)) await until('Redis is gone', () => !isAlive(pid));
  await rm(dataDir, { recursive: true, force: true });
});

const { REDIS_URL: _, ...env } = process.env;

async function start(options: { env?: NodeJS.ProcessEnv; persistent?: boolean } = {}): Promise<StartedRedis> {
  const redis = await startRedis({ dataDir, say: (line) => said.push(line), env, ...options });
  running.push(redis);
  return redis;
}

/** Another process that starts Redis in the same folder and prints its pid and url. */
async function startElsewhere(): Promise<{ program: RunningProcess; pid: number; url: string }> {
  const module = new URL('../../local/redis/start.ts', import.meta.url).href;
  const script = `
    const { startRedis } = await import(${JSON.stringify(module)});
    const redis = await startRedis({ dataDir: ${JSON.stringify(dataDir)}, say: () => {}, env: process.env });
    console.log('up', redis.pid, redis.url);
    process.once('SIGTERM', async () => { await redis.stop(); });
  `;
  const program = startProcess(process.execPath, ['--input-type=module', '-e', script], {
    env: { REDIS_URL: undefined },
  });
  programs.push(program);
  const [, pid = '', url = ''] = (await program.line(/^up /)).split(' ');
  redisPids.push(Number(pid));
  return { program, pid: Number(pid), url };
}

describe('startRedis', () => {
  it('uses REDIS_URL and starts and stops nothing', async () => {
    const url = inject('redisUrl');
    const redis = await start({ env: { ...env, REDIS_URL: url } });
    expect(redis).toMatchObject({ url, describe: 'Redis of REDIS_URL' });
    expect(redis.pid).toBeUndefined();
    await redis.stop();
    expect(await ask(url, 'PING')).toBe('PONG');
    expect(said).toEqual([]);
  });

  it('starts a server of this machine on 127.0.0.1 alone, and says so', async () => {
    const redis = await start();
    expect(redis.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
    expect(await ask(redis.url, 'CONFIG', 'GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    expect(await ask(redis.url, 'CONFIG', 'GET', 'protected-mode')).toEqual(['protected-mode', 'yes']);
    expect(await ask(redis.url, 'CONFIG', 'GET', 'appendfsync')).toEqual(['appendfsync', 'everysec']);
    expect(said).toEqual([expect.stringMatching(/^Starting Redis \d+\.\d+\.\d+ \(.+\)$/)]);
  });

  it('keeps its data over a stop', async () => {
    const first = await start();
    await ask(first.url, 'SET', 'kept', 'yes');
    await first.stop();
    const second = await start();
    expect(await ask(second.url, 'GET', 'kept')).toBe('yes');
  });

  it('keeps nothing without persistence', async () => {
    const first = await start({ persistent: false });
    await ask(first.url, 'SET', 'lost', 'yes');
    await first.stop();
    const second = await start({ persistent: false });
    expect(await ask(second.url, 'GET', 'lost')).toBeNull();
  });

  it('leaves no process and no note behind', async () => {
    const redis = await start();
    await redis.stop();
    expect(isAlive(redis.pid ?? 0)).toBe(false);
    expect(existsSync(join(dataDir, 'running.json'))).toBe(false);
  });

  it('is not reached by the Ctrl-C of its owner’s terminal', async () => {
    const { program, pid, url } = await startElsewhere();
    const group = (id: number): Promise<string> =>
      readFile(`/proc/${id}/stat`, 'utf8').then((text) => text.split(' ')[4] ?? '');
    expect(await group(pid)).not.toBe(await group(program.pid));
    expect(await ask(url, 'PING')).toBe('PONG');
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
  });

  it.each(['works', 'stands still'])('ends with an owner that is killed, while it %s', async (state) => {
    const { program, pid } = await startElsewhere();
    if (state === 'stands still') process.kill(pid, 'SIGSTOP');
    await program.stop('SIGKILL');
    await until('Redis is gone', () => !isAlive(pid));
  });

  it('stops the server of a killed owner and guard, and goes on with its data', async () => {
    const { program, pid, url } = await startElsewhere();
    await ask(url, 'SET', 'kept', 'yes');
    // The guard is Redis's parent; with both gone in one blow nobody is left to stop Redis.
    const guard = Number((await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')[3]);
    process.kill(-guard, 'SIGSTOP');
    for (const member of await membersOf(guard)) if (member !== pid) process.kill(member, 'SIGKILL');
    process.kill(pid, 'SIGCONT');
    await program.stop('SIGKILL');
    expect(await ask(url, 'PING')).toBe('PONG');

    const next = await start();
    expect(said[0]).toBe(`Stopping the Redis that an earlier start left at ${url}`);
    expect(isAlive(pid)).toBe(false);
    expect(await ask(next.url, 'GET', 'kept')).toBe('yes');
  });

  it('refuses a folder whose owner is alive', async () => {
    const { program, url } = await startElsewhere();
    await expect(start()).rejects.toThrow(`is in use by process ${program.pid}`);
    expect(await ask(url, 'PING')).toBe('PONG');
  });

  it('leaves another program alone whose port and pid an old note names', async () => {
    const note = { url: inject('redisUrl'), pid: process.pid, owner: 999_999_999 };
    await writeFile(join(dataDir, 'running.json'), JSON.stringify(note));
    await start();
    expect(await ask(inject('redisUrl'), 'PING')).toBe('PONG');
  });

  it('starts in spite of a note that was only half written', async () => {
    await writeFile(join(dataDir, 'running.json'), '{"url":"redis://12');
    expect(await ask((await start()).url, 'PING')).toBe('PONG');
  });

  it('says why the server did not start, with its log', async () => {
    await expect(
      startRedis({ dataDir, say: () => undefined, env, extraArgs: ['--maxmemory', 'plenty'] }),
    ).rejects.toThrow(/did not start/);
    expect(existsSync(join(dataDir, 'running.json'))).toBe(false);
  });
});

async function membersOf(group: number): Promise<number[]> {
  const listing = startProcess('ps', ['-e', '-o', 'pid=,pgid=']);
  await listing.exit;
  const rows = listing
    .output()
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  return rows.filter(([, pgid]) => pgid === group).map(([pid = 0]) => pid);
}
