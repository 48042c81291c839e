import { join } from 'node:path';
import { ask } from '../../local/redis/ping.ts';
import { launchServer, type RunningServer, signalProcess } from '../../local/redis/server.ts';
import { requireRedisBinary } from '../../local/redis/start.ts';
import { until } from '../kit/until.ts';

/** As in test/kit/redis.ts, but without vitest: the checker also runs by itself. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** kill -9; resolves when it is gone. */
  crash(): Promise<void>;
  /** After a crash: the same port and folder. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Writes are on disk before they are answered: what was acknowledged survives a crash. */
const SYNCED = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'];

export async function findRedisServer(
  folder: string,
  cluster = false,
  settings: readonly string[] = SYNCED,
): Promise<RedisServer> {
  const binary = await requireRedisBinary(process.env, (line) => process.stderr.write(`${line}\n`));
  const dataDir = join(folder, `redis-${Math.random().toString(36).slice(2)}`);
  const args = [...settings, ...(cluster ? ['--cluster-enabled', 'yes'] : [])];
  let server: RunningServer = await launch();

  async function launch(port?: number): Promise<RunningServer> {
    const started = await launchServer({ binary: binary.path, dataDir, args, ...(port === undefined ? {} : { port }) });
    if (cluster) await formCluster(started.url);
    return started;
  }

  return {
    url: server.url,
    port: server.port,
    signal: (name) => signalProcess(server.pid, name),
    crash: async () => {
      signalProcess(server.pid, 'SIGKILL');
      await server.exited;
    },
    startAgain: async () => {
      server = await launch(server.port);
    },
    stop: async () => {
      signalProcess(server.pid, 'SIGCONT');
      await server.stop();
    },
  };
}

async function formCluster(url: string): Promise<void> {
  const slots = /cluster_slots_assigned:(\d+)/.exec(String(await ask(url, 'CLUSTER', 'INFO')))?.[1];
  if (slots === '0') await ask(url, 'CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => `${slot}`));
  await until('cluster_state is ok', async () =>
    String(await ask(url, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
  );
}
