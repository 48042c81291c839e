import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { launchServer, type RunningServer, signalProcess } from '../../local/redis/server.ts';
import { requireRedisBinary } from '../../local/redis/start.ts';
import { formCluster } from './cluster.ts';
import { reservePort } from './ports.ts';

interface TestRedisOptions {
  /** A one-node cluster that holds all slots: refuses scripts and commands whose keys are in different slots. */
  readonly cluster?: boolean;
  /** Keeps all data over `restart()`, also after a crash; off by default. */
  readonly appendonly?: boolean;
  /** Default: a temporary folder that `stop()` removes. */
  readonly dir?: string;
  /** Default: a free one, kept over `restart()`. */
  readonly port?: number;
  /** More settings as on redis-server's command line, such as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
}

/** A real Redis server of the test's own. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of the server that runs now; changes with `restart()`. */
  readonly pid: number;
  /** Ends the server and removes its temporary folder. */
  stop(): Promise<void>;
  /** Sends a signal: SIGKILL is a crash (resolves when it is gone), SIGSTOP a hang, SIGCONT ends the hang. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and folder; stops it first if it runs. */
  restart(): Promise<void>;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** One plain server for all tests. Keys only under a prefix of your own: see uniquePrefix. */
    redisUrl: string;
    /** The same, cluster-enabled. */
    redisClusterUrl: string;
  }
}

/** The shared plain server. */
export const sharedRedisUrl = (): string => inject('redisUrl');
/** The shared cluster-enabled server. */
export const sharedClusterUrl = (): string => inject('redisClusterUrl');

/** A REDIS_KEY_PREFIX of the test's own, a hash tag: fit for both shared servers. */
export function uniquePrefix(): string {
  return `{t-${randomUUID().slice(0, 13)}}:`;
}

/** Starts a server on 127.0.0.1 and resolves when it takes commands. It also ends when this process does. */
export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const binary = await requireRedisBinary(process.env, (line) => process.stderr.write(`${line}\n`));
  const dataDir = options.dir ?? (await mkdtemp(join(tmpdir(), 'fronttcp-redis-')));
  const args = settings(options);
  let server: RunningServer = await launch(options.port ?? (await reservePort()));

  async function launch(port: number): Promise<RunningServer> {
    const started = await launchServer({ binary: binary.path, dataDir, args, port });
    if (options.cluster) await formCluster(started.url);
    return started;
  }

  async function end(): Promise<void> {
    // A server that hangs (SIGSTOP) does not take SIGTERM before it is woken.
    signalProcess(server.pid, 'SIGCONT');
    await server.stop();
  }

  return {
    url: server.url,
    port: server.port,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await end();
      if (options.dir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
    kill: async (signal) => {
      signalProcess(server.pid, signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await server.exited;
    },
    restart: async () => {
      await end();
      server = await launch(server.port);
    },
  };
}

function settings(options: TestRedisOptions): readonly string[] {
  const durability = options.appendonly
    ? ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
    : ['--save', '', '--appendonly', 'no'];
  const cluster = options.cluster ? ['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'yes'] : [];
  return [...durability, ...cluster, ...(options.args ?? [])];
}
