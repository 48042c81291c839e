import { writeFile } from 'node:fs/promises';
import { run } from '../../local/redis/run.ts';
import type { Plan } from '../plan.ts';
import { startChild } from '../support/child.ts';
import { installDebian } from '../support/install.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import { ensureCache } from '../support/paths.ts';
import { startRedis } from '../support/redis.ts';
import type { RunningServer, Server } from './server.ts';

const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;

async function startBroker(
  plan: Plan,
  program: string,
  argsOf: (port: number) => readonly string[] | Promise<readonly string[]>,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const { serverCpus: cpus, niceness } = plan;
  const { port, pid, stop } = await startOnFreePort(async (port) =>
    startChild(program, await argsOf(port), { cpus, niceness, env: { PATH, ...env } }),
  );
  return { port, pids: [pid], stop };
}

async function missing(program: string, packageName: string, plan: Plan): Promise<string | undefined> {
  const { code } = await run('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH } });
  return code === 0 ? undefined : installDebian(packageName, plan);
}

async function versionOf(program: string, ...args: string[]): Promise<string> {
  const { output } = await run(program, args, { env: { ...process.env, PATH } });
  return /\d+\.\d+\.\d+/.exec(output)?.[0] ?? 'of unknown version';
}

export const mosquitto: Server = {
  name: 'mosquitto',
  protocol: 'mqtt',
  missing: (plan) => missing('mosquitto', 'mosquitto', plan),
  version: () => versionOf('mosquitto', '-h'),
  async start(plan) {
    const file = `${await ensureCache()}/mosquitto.conf`;
    const settings = ['allow_anonymous true', 'persistence false', 'set_tcp_nodelay true', 'log_dest none'];
    return startBroker(plan, 'mosquitto', async (port) => {
      const lines = [`listener ${port} 127.0.0.1`, ...settings, 'max_queued_messages 0', ''];
      await writeFile(file, lines.join('\n'));
      return ['-c', file];
    });
  },
};

export const nats: Server = {
  name: 'nats',
  protocol: 'nats',
  note: 'GOMAXPROCS=1: one core, as the others',
  missing: (plan) => missing('nats-server', 'nats-server', plan),
  version: () => versionOf('nats-server', '--version'),
  start: (plan) =>
    startBroker(plan, 'nats-server', (port) => ['-a', '127.0.0.1', '-p', `${port}`], { GOMAXPROCS: '1' }),
};

/** Publish and subscribe. */
export const redisPubSub: Server = {
  name: 'redis',
  protocol: 'redis',
  missing: (plan) => missing('redis-server', 'redis-server', plan),
  version: () => versionOf('redis-server', '--version'),
  async start({ serverCpus: cpus, niceness, say }) {
    const redis = await startRedis({ cpus, niceness }, say);
    return { port: redis.port, pids: [redis.pid], stop: redis.stop };
  },
};

/** Debian's own Python, which has Debian's Twisted. */
const PYTHON = '/usr/bin/python3';

export const twisted: Server = {
  name: 'twisted',
  protocol: 'gw',
  async missing(plan) {
    const { code } = await run(PYTHON, ['-c', 'import twisted']);
    return code === 0 ? undefined : installDebian('python3-twisted', plan);
  },
  version: () => versionOf(PYTHON, '-c', 'import twisted; print(twisted.__version__)'),
  start: (plan) => startBroker(plan, PYTHON, (port) => ['bench/peers/twisted-gateway.py', `${port}`]),
};
