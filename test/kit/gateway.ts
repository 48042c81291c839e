import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { type RouteCommand, type RouteResult, routeCommands } from '../../contract/store/scripts/route.ts';
import { parseConfig } from '../../gateway/config.ts';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { createLog } from '../../gateway/observe/log.ts';
import { connectRedis, type GatewayRedis } from '../../gateway/store/redis.ts';
import { metricIn } from './metrics.ts';
import { Peer, type Verdict } from './peer.ts';
import { sharedRedisUrl, uniquePrefix } from './redis.ts';
import { until } from './until.ts';

export const silentLog = createLog({ level: 'silent', format: 'json' });

/** A gateway in this process, and the store that it shares with the test. */
export interface TestGateway {
  readonly running: RunningGateway;
  readonly port: number;
  readonly redis: GatewayRedis;
  readonly keys: Keys;
  /** Users whose token is `token of <id>`. */
  users(...ids: string[]): Promise<void>;
  peer(): Promise<Peer>;
  /** A verified client of a user that is made for it. */
  verified(userId: string, features?: string[]): Promise<Peer & { verdict: Verdict }>;
  /** What an existing producer does. */
  push(...entries: (string | Buffer | object)[]): Promise<void>;
  /** What POST /send-command does with one command. */
  route(command: Partial<RouteCommand> & { to: RouteCommand['to'] }): Promise<RouteResult>;
  mailbox(userId: string): Promise<string[]>;
  metric(name: string): Promise<number>;
  health(path: string): Promise<number>;
  stop(): Promise<void>;
}

interface Place {
  redisUrl?: string;
  prefix?: string;
}

/** Starts a gateway that is ready; `stop` is for the caller. */
export async function startTestGateway(env: NodeJS.ProcessEnv = {}, place: Place = {}): Promise<TestGateway> {
  const config = parseConfig({
    REDIS_URL: place.redisUrl ?? sharedRedisUrl(),
    REDIS_KEY_PREFIX: place.prefix ?? uniquePrefix(),
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: '0',
    HEALTH_PORT: '0',
    NET: process.env.NET,
    ...env,
  });
  const keys = keysOf(config.redis.keyPrefix);
  const redis = connectRedis(config.redis, silentLog);
  // Not the gateway's client: that sends again what has no reply after two seconds, and a push must not be done twice.
  const producer = new Redis(config.redis.url, { lazyConnect: true, password: config.redis.password });
  producer.on('error', () => undefined);
  const running = await startGateway(config, silentLog);
  const peers: Peer[] = [];
  const health = async (path: string) => (await fetch(`http://127.0.0.1:${running.healthPort}${path}`)).status;
  await until('the gateway is ready', async () => (await health('/readyz')) === 200);

  const users = async (...ids: string[]) => {
    await Promise.all(ids.map((id) => redis.command('HSET', keys.user(id), 'token', `token of ${id}`)));
  };
  const peer = async () => {
    const made = await Peer.connect(running.port);
    peers.push(made);
    return made;
  };
  return {
    running,
    port: running.port,
    redis,
    keys,
    users,
    peer,
    async verified(userId, features) {
      await users(userId);
      const made = await peer();
      const verdict = await made.verify(userId, features === undefined ? {} : { features });
      return Object.assign(made, { verdict });
    },
    async push(...entries) {
      const texts = entries.map((entry) =>
        typeof entry === 'string' || Buffer.isBuffer(entry) ? entry : JSON.stringify(entry),
      );
      await producer.lpush(keys.queue, ...texts);
    },
    route(command) {
      const idempotency = { key: `test:${randomUUID()}`, digest: 'once', ttlSeconds: 600 };
      return routeCommands(redis, keys, [{ ...PLAIN_COMMAND, ...command }], { ...config, highestId: 0, idempotency });
    },
    async mailbox(userId) {
      return (await redis.command('ZRANGE', keys.mailbox(userId), 0, -1)) as string[];
    },
    async metric(name) {
      const response = await fetch(`http://127.0.0.1:${running.healthPort}/metrics`);
      return metricIn(await response.text(), name) ?? 0;
    },
    health,
    async stop() {
      for (const made of peers) made.socket.destroy();
      await running.stop();
      producer.disconnect();
      await redis.close();
    },
  };
}

/** Starts a gateway for one test, and stops it after it. */
export async function gateway(env: NodeJS.ProcessEnv = {}, place: Place = {}): Promise<TestGateway> {
  const started = await startTestGateway(env, place);
  onTestFinished(() => started.stop());
  return started;
}

const PLAIN_COMMAND = {
  commandId: 102,
  version: 1100,
  body: '{"chat_from": "operator", "chat_content": "hello"}',
  from: 'operator',
  ttlSeconds: 0,
  receipt: false,
  traceparent: '',
};

/** A message body of the queue or the HTTP API. */
export const chat = (from: string, content: string) => ({ chat_from: from, chat_content: content });

/** An entry of the public queue. */
export function entry(content: string, to?: unknown, commandId: unknown = 102, from: unknown = 'p'): object {
  return {
    command_id: commandId,
    chat_from: from,
    ...(to === undefined ? {} : { chat_to: to }),
    chat_content: content,
  };
}
