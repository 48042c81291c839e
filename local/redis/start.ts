import { mkdir, realpath } from 'node:fs/promises';
import { copiesDir } from '../programs/copies-dir.ts';
import { clearLeftoverContainer, findEngine, launchContainer } from './container.ts';
import { copyRedis } from './copy.ts';
import { findRedisBinary, type RedisBinary, type SearchedFolders } from './find.ts';
import { installRedis } from './install.ts';
import { clearLeftover, removeNote, writeNote } from './leftover.ts';
import { ask } from './ping.ts';
import { type AskPerson, askForRedis } from './question.ts';
import { launchServer } from './server.ts';

interface StartRedisOptions {
  /** Redis's files: data, log, and a note of what runs. Made if missing. */
  readonly dataDir: string;
  /** Called for each action on this machine, with one line of text. */
  readonly say: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Keeps the data over restarts (append-only file, synced once a second). Default true. */
  readonly persistent?: boolean;
  /** More settings as on redis-server's command line; they win over ours. */
  readonly extraArgs?: readonly string[];
  /** Where to search for the server in addition to PATH, and where to keep a copy. */
  readonly folders?: SearchedFolders;
  /** Asked last, when there is a terminal. */
  readonly person?: AskPerson | undefined;
}

export interface StartedRedis {
  readonly url: string;
  /** For the start message: the origin of this Redis. */
  readonly describe: string;
  /** Stops a Redis that was started here; one given by REDIS_URL is left alone. */
  stop(): Promise<void>;
  /** Only for our own server process. */
  readonly pid?: number;
}

/**
 * A Redis for one machine, by the first of these that works: REDIS_URL, a server on this machine, a container, a copy in
 * the project's own folder, the system's package manager, a question to the person at the terminal. Only the package
 * manager changes the system. Rejects with all attempts and the package to install when none works.
 */
export async function startRedis(options: StartRedisOptions): Promise<StartedRedis> {
  const { env, say } = options;
  if (env.REDIS_URL) {
    await answers(env.REDIS_URL);
    return { url: env.REDIS_URL, describe: 'Redis of REDIS_URL', stop: () => Promise.resolve() };
  }
  await mkdir(options.dataDir, { recursive: true });
  // Redis returns its directory with symbolic links resolved, and a container engine wants an absolute path.
  const dataDir = await realpath(options.dataDir);
  await clearLeftover(dataDir, say);
  await clearLeftoverContainer(dataDir, env, say);
  const args = [...durability(options.persistent ?? true), ...(options.extraArgs ?? [])];

  const folders = options.folders ?? {};
  const found = await findRedisBinary(env, folders);
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

  const brought = await bringBinary({ env, say, folders });
  if (brought.binary) return startBinary(brought.binary, dataDir, args, say);
  tried.push(...brought.tried);

  if (options.person) {
    const wish = await askForRedis(options.person, tried, env, say);
    if (wish.kind === 'url') {
      await answers(wish.url, 'The URL');
      return { url: wish.url, describe: 'Redis given at the terminal', stop: () => Promise.resolve() };
    }
    const { binary } = wish.kind === 'installed' ? await findRedisBinary(env, folders) : {};
    if (binary) return startBinary(binary, dataDir, args, say);
  }
  const list = tried.map((line) => `  - ${line}`).join('\n');
  throw new Error(
    `No Redis to work with. Tried:\n${list}\nInstall redis-server 6.2 or newer (or Valkey), or set REDIS_URL to a running one.`,
  );
}

interface BroughtBinary {
  readonly binary?: RedisBinary | undefined;
  readonly tried: readonly string[];
}

/** Brings a server program to this machine: as a copy of our own, else by the package manager. */
async function bringBinary(options: {
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
  folders: SearchedFolders;
}): Promise<BroughtBinary> {
  const { env, say, folders } = options;
  const dir = folders.copies ?? copiesDir();
  const tried: string[] = [];
  for (const bring of [() => copyRedis({ dir, env, say }), () => installRedis(env, say)]) {
    const { ok, tried: what } = await bring();
    tried.push(what);
    if (!ok) continue;
    const { binary, refused } = await findRedisBinary(env, folders);
    if (binary) return { binary, tried };
    tried.push(...refused);
  }
  return { tried };
}

/** The error for a Redis that does not respond, with the reason, without its credentials. */
async function answers(url: string, name = 'REDIS_URL'): Promise<void> {
  try {
    await ask(url, 'PING');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: the Redis at ${new URL(url).host} does not answer: ${reason}`, { cause: error });
  }
}

/** The server program of this machine, installed first if it has none. For tests, which run several. */
export async function requireRedisBinary(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<RedisBinary> {
  const { binary } = await findRedisBinary(env);
  if (binary) return binary;
  const brought = await bringBinary({ env, say, folders: {} });
  if (brought.binary) return brought.binary;
  throw new Error(`redis-server is needed. Tried:\n${brought.tried.map((line) => `  - ${line}`).join('\n')}`);
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
