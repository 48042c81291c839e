import { once } from 'node:events';
import { resolve } from 'node:path';
import { connectRedis } from '#redis-driver';
import { AT_TERMINAL } from '../functions/runtime/drivers/failures.ts';
import { readEnvironment } from '../functions/runtime/environment.ts';
import { isSameSignal } from '../shared/process.ts';
import { createDemoUsers } from './demo-users.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type Api, startApi } from './http/server.ts';
import { personAtTerminal } from './redis/question.ts';
import { type StartedRedis, startRedis } from './redis/start.ts';
import { writeRunningNote } from './running-note.ts';
import { localDefaults, readSettings, SettingsError, type StartSettings } from './settings.ts';
import { type LocalUpstream, startLocalUpstream } from './upstream/upstream.ts';
import { hasTls, welcome } from './welcome.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Started {
  redis?: StartedRedis;
  api?: Api;
  upstream?: LocalUpstream;
  gateways: GatewayProcess[];
  takeNoteBack?: () => Promise<void>;
}

/** `npm start` and `fronttcp dev`: Redis, the HTTP API and the gateways on this machine. Ends with 0 after a signal, 1 when it cannot start. */
async function main(): Promise<void> {
  const startedAt = performance.now();
  const started: Started = { gateways: [] };
  const stopped = stopOnSignal(started);
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    await start(settings, started);
    say(welcome(settings, started, performance.now() - startedAt, hasTls(process.env)));
  } catch (error) {
    say(failure(error));
    await stop(started);
    process.exit(1);
  }
  await stopped;
}

async function start(settings: StartSettings, started: Started): Promise<void> {
  const redis = await startRedis({
    dataDir: resolve('.fronttcp/redis'),
    say,
    env: process.env,
    person: personAtTerminal(process.stdin, process.stdout),
  });
  started.redis = redis;
  const env: NodeJS.ProcessEnv = { ...localDefaults(process.env), REDIS_URL: redis.url };
  // The functions would use Upstash instead of the Redis of the gateways.
  const { UPSTASH_REDIS_REST_URL: _url, UPSTASH_REDIS_REST_TOKEN: _token, ...shared } = env;

  started.api = await startApi({ ...settings.api, env: shared });
  await fillIn(shared);
  if (settings.upstream !== undefined) started.upstream = await startLocalUpstream(settings.upstream, say);
  const gatewayEnv = { ...shared, ...started.upstream?.env };
  const { host, port, healthPort } = settings.gateway;
  for (let i = 0; i < settings.gateways; i += 1) {
    started.gateways.push(
      new GatewayProcess({
        env: gatewayEnv,
        host,
        port: port + 2 * i,
        healthPort: healthPort && healthPort + 2 * i,
        say,
      }),
    );
  }
  await Promise.all(started.gateways.map((gateway) => gateway.start()));
  started.takeNoteBack = await writeRunningNote({
    pid: process.pid,
    api: started.api.url,
    gateways: started.gateways.map((gateway) => ({ host: reachable(host), port: gateway.port, tls: hasTls(env) })),
    redis: {
      url: redis.url,
      keyPrefix: env.REDIS_KEY_PREFIX ?? '',
      isCluster: ['true', '1'].includes(env.REDIS_CLUSTER ?? ''),
    },
  });
}

/** The address at which this machine reaches a listener. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

async function fillIn(env: NodeJS.ProcessEnv): Promise<void> {
  const environment = readEnvironment(env);
  const redis = connectRedis(environment, undefined, AT_TERMINAL);
  try {
    await createDemoUsers(redis, environment.REDIS_KEY_PREFIX);
  } finally {
    await redis.close();
  }
}

/** In the order of dependency: the gateways drain, the API ends its requests, Redis saves its data. */
async function stop(started: Started): Promise<void> {
  await started.takeNoteBack?.();
  await Promise.all(started.gateways.map((gateway) => gateway.stop()));
  await Promise.all([started.api?.close(), started.upstream?.stop()]);
  await started.redis?.stop();
}

function stopOnSignal(started: Started): Promise<void> {
  let firstAt = 0;
  return new Promise((resolveStopped) => {
    const onSignal = (): void => {
      if (firstAt > 0) {
        if (!isSameSignal(firstAt)) process.exit(1);
        return;
      }
      firstAt = performance.now();
      say('\nStopping…');
      stop(started).then(
        () => {
          say('Stopped.');
          resolveStopped();
          process.exit(0);
        },
        (error: unknown) => {
          say(failure(error));
          process.exit(1);
        },
      );
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
    // `fronttcp dev` holds a channel to this process: when it closes, the parent was killed, and this process stops itself.
    if (process.connected) process.once('disconnect', onSignal);
  });
}

function failure(error: unknown): string {
  if (error instanceof SettingsError) return `fronttcp cannot start like this:\n${error.message}`;
  const { code, address, port, message } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE')
    return `fronttcp cannot start: port ${port} of ${address} is taken. Set API_PORT (or --api-port of fronttcp dev) to a free one.`;
  return `fronttcp cannot start: ${message}`;
}

// A closed terminal must not interrupt the orderly stop.
process.stdout.on('error', () => undefined);
await main();
await once(process, 'exit');
