import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../../shared/process.ts';
import { findOnPath } from './find.ts';
import { untilReady } from './ping.ts';
import { lastLines, run } from './run.ts';

interface ContainerOptions {
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  readonly args: readonly string[];
}

interface RunningContainer {
  readonly url: string;
  readonly engine: string;
  stop(): Promise<void>;
}

const image = 'docker.io/valkey/valkey:8.1-alpine';
const pullTimeoutMs = 5 * 60_000;
const startTimeoutMs = 60_000;
/** Written by the engine. */
const idFile = (dataDir: string): string => join(dataDir, 'container.id');
/** The process that starts the container and stops it. */
const ownerFile = (dataDir: string): string => join(dataDir, 'container.owner');

/** A container engine that responds: a client without its daemon does not count. */
export async function findEngine(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const engine of ['docker', 'podman']) {
    if ((await findOnPath(engine, env)) === undefined) continue;
    const { code } = await run(engine, ['info'], { env });
    if (code === 0) return engine;
  }
  return undefined;
}

/**
 * Two servers on one append-only file would ruin it. Stops a Redis container that an earlier start left with this data
 * directory; refuses when the process that owns it is alive. An owner whose container no longer runs does not count: its pid
 * may be that of another program by now.
 */
export async function clearLeftoverContainer(
  dataDir: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  const id = await readText(idFile(dataDir));
  const owner = Number(await readText(ownerFile(dataDir)));
  if (id === '' && owner === 0) return;
  const engine = await findEngine(env);
  if (engine === undefined) return;
  // Without an id the owner may still be fetching the image.
  if (isOtherProcess(owner) && (id === '' || (await isRunning(engine, id, env)))) {
    throw new Error(`${dataDir} is in use by process ${owner} and its Redis container: stop that one first`);
  }
  if (id !== '') say('Stopping the Redis container that an earlier start left');
  await removeContainer(engine, dataDir, env);
}

/** Runs Redis in a container whose only port is on 127.0.0.1; the engine picks a free one. */
export async function launchContainer(engine: string, options: ContainerOptions): Promise<RunningContainer> {
  const { dataDir, env, say } = options;
  say(`Starting Redis in a container with ${engine} (${image})`);
  const user = process.getuid && process.getgid ? ['--user', `${process.getuid()}:${process.getgid()}`] : [];
  const volume = ['--volume', `${dataDir}:/data:z`, '--publish', '127.0.0.1::6379', '--cidfile', idFile(dataDir)];
  const keepId = engine === 'podman' && process.getuid?.() !== 0 ? ['--userns', 'keep-id'] : [];
  const server = ['valkey-server', '--dir', '/data', '--protected-mode', 'no', ...options.args];
  await writeFile(ownerFile(dataDir), `${process.pid}\n`);
  const started = await run(engine, ['run', '--detach', '--rm', ...user, ...keepId, ...volume, image, ...server], {
    env,
    timeoutMs: pullTimeoutMs,
  });
  const stop = (): Promise<void> => removeContainer(engine, dataDir, env);
  try {
    if (started.code !== 0) throw new Error(lastLines(started.output));
    const id = await readText(idFile(dataDir));
    const mapped = await run(engine, ['port', id, '6379/tcp'], { env });
    const port = /:(\d+)\s*$/m.exec(mapped.output)?.[1];
    if (port === undefined) throw new Error(`${engine} port: ${lastLines(mapped.output)}`);
    const url = `redis://127.0.0.1:${port}`;
    await untilReady(url, startTimeoutMs, AbortSignal.timeout(2 * startTimeoutMs));
    return { url, engine, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Stops the container whose id is in the file (`stop` sends SIGTERM first, so that Redis saves its data). */
async function removeContainer(engine: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<void> {
  const id = await readText(idFile(dataDir));
  if (id !== '') {
    await run(engine, ['stop', '--time', '10', id], { env, timeoutMs: 30_000 });
    await run(engine, ['rm', '--force', id], { env, timeoutMs: 30_000 });
  }
  await rm(idFile(dataDir), { force: true });
  await rm(ownerFile(dataDir), { force: true });
}

async function isRunning(engine: string, id: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const args = ['container', 'inspect', '--format', '{{.State.Running}}', id];
  const { code, output } = await run(engine, args, { env });
  // An engine that does not answer in time may still run it.
  return code === null || /^true$/m.test(output);
}

/** A program that is restarted inside a container often has the pid of the one before. */
function isOtherProcess(pid: number): boolean {
  return pid > 0 && pid !== process.pid && isAlive(pid);
}

/** Empty when there is no such file. */
async function readText(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}
