import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '../../local/redis/find.ts';
import { ask } from '../../local/redis/ping.ts';
import { lastLines, run } from '../../local/redis/run.ts';
import { launchServer, type RunningServer, signalProcess } from '../../local/redis/server.ts';
import { requireRedisBinary } from '../../local/redis/start.ts';
import { formCluster } from '../kit/cluster.ts';
import { reservePort } from '../kit/ports.ts';
import { repository } from '../kit/process.ts';
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

/** `clockAheadMs`: its wall clock, against the machine's. */
export async function findRedisServer(
  folder: string,
  cluster = false,
  settings: readonly string[] = SYNCED,
  clockAheadMs = 0,
): Promise<RedisServer> {
  const found = await requireRedisBinary(process.env, (line) => process.stderr.write(`${line}\n`));
  const path = clockAheadMs === 0 ? found.path : await withClock(folder, found.path, clockAheadMs);
  const dataDir = join(folder, `redis-${Math.random().toString(36).slice(2)}`);
  const args = [...settings, ...(cluster ? ['--cluster-enabled', 'yes'] : [])];
  let server: RunningServer = await launch(await reservePort());

  async function launch(port: number): Promise<RunningServer> {
    const started = await launchServer({ binary: path, dataDir, args, port });
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

/** A program that starts Redis with its clock shifted. Without a C compiler the clock stays as it is. */
async function withClock(folder: string, binary: string, aheadMs: number): Promise<string> {
  const compiler = await findOnPath('cc', process.env);
  if (compiler === undefined) return binary;
  const library = join(folder, 'clock-shift.so');
  const source = join(repository, 'test/faults/clock-shift.c');
  const { code, output } = await run(compiler, ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  if (code !== 0) throw new Error(`the shifted clock does not compile:\n${lastLines(output, 20)}`);
  const program = join(folder, 'redis-with-clock');
  const script = `#!/bin/sh\nCLOCK_SHIFT_MS=${aheadMs} LD_PRELOAD=${library} exec ${binary} "$@"\n`;
  await writeFile(program, script, { mode: 0o755 });
  return program;
}

/** Resolves when it follows. */
export async function startReplica(folder: string, primary: RedisServer): Promise<RedisServer> {
  const replica = await findRedisServer(folder);
  await ask(replica.url, 'REPLICAOF', '127.0.0.1', String(primary.port));
  await until('the replica follows', async () =>
    String(await ask(replica.url, 'INFO', 'replication')).includes('master_link_status:up'),
  );
  return replica;
}
