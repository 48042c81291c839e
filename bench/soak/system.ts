import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { keysOf } from '../../contract/store/keys.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { endWithUs } from '../../local/end-with-us.ts';
import { launchServer } from '../../local/redis/server.ts';
import { requireRedisBinary } from '../../local/redis/start.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 60_000;
export const PREFIX = '{soak}:';
export const keys = keysOf(PREFIX);

interface Program {
  readonly child: ChildProcess;
  readonly ports: readonly number[];
  /** SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
}

/** Starts a program of this repository and waits for the line that names its ports. */
async function startProgram(file: string, env: Record<string, string>, pattern: RegExp): Promise<Program> {
  const child = spawn(process.execPath, [...NODE_FLAGS, file], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithUs(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < 10_000) text += chunk;
  });
  const end = performance.now() + START_MS;
  let found = pattern.exec(text);
  while (found === null && performance.now() < end && child.exitCode === null) {
    await delay(50);
    found = pattern.exec(text);
  }
  if (found === null) throw new Error(`${file} did not start:\n${text}`);
  const ports = found.slice(1).map(Number);
  return {
    child,
    ports,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

export interface System {
  readonly redis: Redis;
  readonly redisPid: number;
  readonly gateway: Program;
  /** The one that is killed now and then; another takes its place. */
  victim: Program;
  readonly api: Program;
  readonly operatorToken: string;
  startVictim(): Promise<Program>;
  stop(): Promise<void>;
}

export async function startSystem(users: readonly string[]): Promise<System> {
  const binary = await requireRedisBinary(process.env, (line) => console.error(line));
  const dataDir = await mkdtemp(join(tmpdir(), 'fronttcp-soak-'));
  const server = await launchServer({ binary: binary.path, dataDir, args: ['--save', '', '--appendonly', 'no'] });
  const redis = new Redis(server.url);
  redis.on('error', () => undefined);
  for (const id of users) await redis.hset(keys.user(id), 'token', `token of ${id}`);
  const operatorToken = `${Buffer.from('op').toString('base64url')}.${'t'.repeat(43)}`;
  await redis.hset(keys.user('op'), { role: 'operator', token: tokenAtRest(operatorToken) });

  const common = { REDIS_URL: server.url, REDIS_KEY_PREFIX: PREFIX, LOG_LEVEL: 'error', MAILBOX_MAX: '100' };
  const gatewayEnv = {
    ...common,
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: '0',
    HEALTH_PORT: '0',
    SLOW_READER_TIMEOUT_MS: '3000',
    HEARTBEAT_TIMEOUT_MS: '5000',
    AUTH_TIMEOUT_MS: '3000',
    FRAME_TIMEOUT_MS: '3000',
  };
  const startGateway = () =>
    startProgram('gateway/main.ts', gatewayEnv, /listens on [^:]*:(\d+), health on [^:]*:(\d+)/);
  const [gateway, victim, api] = await Promise.all([
    startGateway(),
    startGateway(),
    startProgram('local/api.ts', { ...common, API_PORT: '0', AUDIT_MAX: '500' }, /127\.0\.0\.1:(\d+)/),
  ]);
  const system: System = {
    redis,
    redisPid: server.pid,
    gateway,
    victim,
    api,
    operatorToken,
    startVictim: startGateway,
    async stop() {
      await Promise.all([gateway.stop(), system.victim.stop(), api.stop()]);
      redis.disconnect();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return system;
}
