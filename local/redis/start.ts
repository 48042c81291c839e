import { mkdir, realpath } from 'node:fs/promises';
import { findEngine, launchContainer } from './container.ts';
import { findRedisBinary, type RedisBinary } from './find.ts';
import { installRedis } from './install.ts';
import { clearLeftover, removeNote, writeNote } from './leftover.ts';
import { ask } from './ping.ts';
import { launchServer } from './server.ts';

export interface StartRedisOptions {
  /** Redis's files: data, log, and a note of what runs. Made if missing. */
  readonly dataDir: string;
  /** Told what is done on this machine, one line each. */
  readonly say: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Keeps the data over restarts (append-only file, synced once a second). Default true. */
  readonly persistent?: boolean;
  /** More settings as on redis-server's command line; they win over ours. */
  readonly extraArgs?: readonly string[];
}

export interface StartedRedis {
  readonly url: string;
  /** For the start message: where this Redis comes from. */
  readonly describe: string;
  /** Stops what was started; a Redis given by REDIS_URL is left alone. */
  stop(): Promise<void>;
  /** Only of a server process of our own. */
  readonly pid?: number;
}

/**
 * A Redis for one machine, by the first of these that works: REDIS_URL, a server on this machine, a container, the
 * system's package manager. Rejects with everything that was tried, and what to install, when none does.
 */
export async function startRedis(options: StartRedisOptions): Promise<StartedRedis> {
  const { env, say } = options;
  if (env.REDIS_URL) {
    await answers(env.REDIS_URL);
    return { url: env.REDIS_URL, describe: 'Redis of REDIS_URL', stop: () => Promise.resolve() };
  }
  await mkdir(options.dataDir, { recursive: true });
  // Redis tells its directory with symbolic links resolved, and a container engine wants an absolute path.
  const dataDir = await realpath(options.dataDir);
  await clearLeftover(dataDir, say);
  const args = [...durability(options.persistent ?? true), ...(options.extraArgs ?? [])];

  const found = await findRedisBinary(env);
  if (found.binary) return startBinary(found.binary, dataDir, args, say);
  const tried = found.refused.length > 0 ? [...found.refused] : ['redis-server and valkey-server: not on PATH'];

  const engine = await findEngine(env);
  if (engine === undefined) tried.push('docker and podman: none that answers');
  else {
    try {
      const container = await launchContainer(engine, { dataDir, env, say, args });
      return { url: container.url, describe: `Redis in a container of ${engine}`, stop: container.stop };
    } catch (error) {
      tried.push(`${engine}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  const installed = await installRedis(env, say);
  tried.push(installed.tried);
  const { binary } = installed.ok ? await findRedisBinary(env) : {};
  if (binary) return startBinary(binary, dataDir, args, say);
  const list = tried.map((line) => `  - ${line}`).join('\n');
  throw new Error(
    `No Redis to work with. Tried:\n${list}\nInstall redis-server 6.2 or newer (or Valkey), or set REDIS_URL to a running one.`,
  );
}

/** Says which Redis does not answer, and why, without its credentials. */
async function answers(url: string): Promise<void> {
  try {
    await ask(url, 'PING');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`REDIS_URL: the Redis at ${new URL(url).host} does not answer: ${reason}`, { cause: error });
  }
}

/** The server program of this machine, installed first if it has none. For tests, which run several. */
export async function requireRedisBinary(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<RedisBinary> {
  const before = await findRedisBinary(env);
  if (before.binary) return before.binary;
  const installed = await installRedis(env, say);
  const after = await findRedisBinary(env);
  if (after.binary) return after.binary;
  throw new Error(`redis-server is needed and could not be installed: ${installed.tried}`);
}

async function startBinary(
  binary: RedisBinary,
  dataDir: string,
  args: readonly string[],
  say: (line: string) => void,
): Promise<StartedRedis> {
  say(`Starting Redis ${binary.version} (${binary.path})`);
  const server = await launchServer({ binary: binary.path, dataDir, args });
  await writeNote(dataDir, { url: server.url, pid: server.pid, owner: process.pid });
  return {
    url: server.url,
    describe: `Redis ${binary.version} of this machine, data in ${dataDir}`,
    pid: server.pid,
    stop: async () => {
      await server.stop();
      await removeNote(dataDir);
    },
  };
}

function durability(persistent: boolean): readonly string[] {
  // Snapshots beside the append-only file would only cost time; without either nothing is written.
  return persistent
    ? ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec']
    : ['--save', '', '--appendonly', 'no'];
}
