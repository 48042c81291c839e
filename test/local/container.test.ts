import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type StartedRedis, startRedis } from '../../local/redis/start.ts';
import { type RunningProcess, repository, startProcess } from '../kit/process.ts';

let folder: string;
let said: string[];
const running: StartedRedis[] = [];
const programs: RunningProcess[] = [];
const inFolder = (...names: string[]): string => join(folder, ...names);

/** Logs its arguments and pretends to have one container: the shared Redis of the tests. */
const fakeDocker = (): string => `#!/bin/sh
echo "$*" >> '${inFolder('calls')}'
case "$1" in
  run)
    while [ "$1" != --cidfile ]; do shift; done
    echo c0ffee > "$2"
    echo true > '${inFolder('is-running')}' ;;
  port) echo '127.0.0.1:${new URL(inject('redisUrl')).port}' ;;
  container) read -r state < '${inFolder('is-running')}' && echo "$state" ;;
  stop) echo false > '${inFolder('is-running')}' ;;
esac
`;

/** Without a Redis server program, on PATH or elsewhere. */
const options = () => ({
  dataDir: inFolder('data'),
  env: { PATH: inFolder('bin') },
  folders: { copies: inFolder('programs'), usual: [] },
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fronttcp-container-'));
  said = [];
  await mkdir(inFolder('bin'));
  await mkdir(inFolder('data'));
  await writeFile(inFolder('bin', 'docker'), fakeDocker());
  await chmod(inFolder('bin', 'docker'), 0o755);
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
  await Promise.all(running.splice(0).map((redis) => redis.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<StartedRedis> {
  const redis = await startRedis({ ...options(), say: (line) => said.push(line) });
  running.push(redis);
  return redis;
}

/** Another process that starts Redis in the same folder. */
async function startElsewhere(): Promise<RunningProcess> {
  const script = `
    import { startRedis } from ${JSON.stringify(join(repository, 'local/redis/start.ts'))};
    await startRedis({ ...${JSON.stringify(options())}, say: () => {} });
    console.log('up');
    setInterval(() => {}, 60_000);
  `;
  const program = startProcess(process.execPath, ['--input-type=module', '-e', script]);
  programs.push(program);
  await program.line(/^up$/);
  return program;
}

async function callsOf(command: string): Promise<string[]> {
  const calls = (await readFile(inFolder('calls'), 'utf8')).split('\n');
  return calls.filter((call) => call.startsWith(`${command} `));
}

describe('Redis in a container', () => {
  it('is started where there is no server program, and leaves nothing behind', async () => {
    const redis = await start();
    expect(redis.describe).toBe('Redis in a container of docker');
    await redis.stop();
    expect(await callsOf('stop')).toEqual(['stop --time 10 c0ffee']);
    expect(await readdir(inFolder('data'))).toEqual([]);
  });

  it('is not stopped by a second start while its owner is alive', async () => {
    const owner = await startElsewhere();
    await expect(start()).rejects.toThrow(
      `is in use by process ${owner.pid} and its Redis container: stop that one first`,
    );
    expect(await callsOf('run')).toHaveLength(1);
    expect(await callsOf('stop')).toEqual([]);
  });

  it('is stopped by the next start when its owner was killed', async () => {
    const owner = await startElsewhere();
    await owner.stop('SIGKILL');
    await start();
    expect(said[0]).toBe('Stopping the Redis container that an earlier start left');
    expect(await callsOf('stop')).toEqual(['stop --time 10 c0ffee']);
    expect(await callsOf('run')).toHaveLength(2);
  });

  it('does not hinder a start when it has ended, and another program has the pid of its owner', async () => {
    await writeFile(inFolder('data', 'container.id'), 'c0ffee\n');
    await writeFile(inFolder('data', 'container.owner'), `${process.ppid}\n`);
    await writeFile(inFolder('is-running'), 'false\n');
    await start();
    expect(await callsOf('run')).toHaveLength(1);
  });

  it('is not started twice while another start fetches the image', async () => {
    await writeFile(inFolder('data', 'container.owner'), `${process.ppid}\n`);
    await expect(start()).rejects.toThrow(`is in use by process ${process.ppid}`);
    expect(await callsOf('run')).toEqual([]);
  });
});
