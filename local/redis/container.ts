import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
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

/** A container engine that responds: a client without its daemon does not count. */
export async function findEngine(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const engine of ['docker', 'podman']) {
    if ((await findOnPath(engine, env)) === undefined) continue;
    const { code } = await run(engine, ['info'], { env });
    if (code === 0) return engine;
  }
  return undefined;
}

/** Runs Redis in a container whose only port is on 127.0.0.1; the engine picks a free one. */
export async function launchContainer(engine: string, options: ContainerOptions): Promise<RunningContainer> {
  const { dataDir, env, say } = options;
  const idFile = join(dataDir, 'container.id');
  await removeLeftover(engine, idFile, env, say);
  say(`Starting Redis in a container with ${engine} (${image})`);
  const user = process.getuid && process.getgid ? ['--user', `${process.getuid()}:${process.getgid()}`] : [];
  const volume = ['--volume', `${dataDir}:/data:z`, '--publish', '127.0.0.1::6379', '--cidfile', idFile];
  const keepId = engine === 'podman' && process.getuid?.() !== 0 ? ['--userns', 'keep-id'] : [];
  const server = ['valkey-server', '--dir', '/data', '--protected-mode', 'no', ...options.args];
  const started = await run(engine, ['run', '--detach', '--rm', ...user, ...keepId, ...volume, image, ...server], {
    env,
    timeoutMs: pullTimeoutMs,
  });
  const stop = (): Promise<void> => removeLeftover(engine, idFile, env, () => undefined);
  try {
    if (started.code !== 0) throw new Error(lastLines(started.output));
    const id = (await readFile(idFile, 'utf8')).trim();
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
async function removeLeftover(
  engine: string,
  idFile: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  const id = await readFile(idFile, 'utf8').catch(() => '');
  if (id.trim() !== '') {
    say('Stopping the Redis container that an earlier start left');
    await run(engine, ['stop', '--time', '10', id.trim()], { env, timeoutMs: 30_000 });
    await run(engine, ['rm', '--force', id.trim()], { env, timeoutMs: 30_000 });
  }
  await rm(idFile, { force: true });
}
