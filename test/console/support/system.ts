import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Decoded, encodeFrame, FrameDecoder } from '../../../contract/frame.ts';
import { createLog } from '../../../functions/shared/log.ts';
import { createRuntime, type Runtime } from '../../../functions/shared/runtime.ts';
import { createDemoUsers } from '../../../local/demo-users.ts';
import { startApi } from '../../../local/http/server.ts';
import { type RunningProcess, startProgram } from '../../support/process.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

/** Everything real: Redis, the handlers behind the local HTTP server, a gateway process. */
export interface System {
  /** Of the page. */
  readonly url: string;
  readonly redis: TestRedis;
  readonly runtime: Runtime;
  /** With this token; without one, another is written for it, which replaces that of the user's last login. */
  connectClient(userId: string, token?: string): Promise<Client>;
  stop(): Promise<void>;
}

export interface Message {
  readonly commandId: number;
  readonly body: unknown;
}

/** A plain client: it verified, and keeps what it is sent. */
export interface Client {
  readonly messages: Message[];
  readonly isClosed: boolean;
  end(): void;
}

export async function startSystem(): Promise<System> {
  const redis = await startTestRedis();
  const env = { REDIS_URL: redis.url, LOG_LEVEL: 'error' };
  const runtime = await createRuntime(env);
  await createDemoUsers(runtime.redis, '');
  const api = await startApi({ port: 0, env, log: createLog({ level: 'error', format: 'json' }) });
  const gateway = startProgram('gateway/main.ts', [], {
    env: { ...env, GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: '0', HEALTH_PORT: '0' },
  });
  const port = await portOf(gateway);
  const clients: Client[] = [];
  return {
    url: `${api.url}/web/send-command`,
    redis,
    runtime,
    connectClient: async (userId, token) => {
      const client = await verifiedClient(port, userId, token ?? (await writeToken(runtime, userId)));
      clients.push(client);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.end();
      await gateway.stop();
      await Promise.all([api.close(), runtime.redis.close()]);
      await redis.stop();
    },
  };
}

async function portOf(gateway: RunningProcess): Promise<number> {
  const line = await gateway.line(/gateway listens on/);
  return Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
}

/** In plain, as existing login code writes it. */
async function writeToken({ redis, keys }: Runtime, userId: string): Promise<string> {
  const token = `plain-${userId}`;
  await redis.command('HSET', keys.user(userId), 'token', token);
  return token;
}

async function verifiedClient(port: number, userId: string, token: string): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const messages = collectMessages(socket);
  socket.write(encodeFrame(1100, 1, JSON.stringify({ phone_number: userId, token })));
  await until(`${userId} is verified`, () => messages.some(({ commandId }) => commandId === 101));
  return {
    messages,
    get isClosed() {
      return socket.closed;
    },
    end: () => socket.destroy(),
  };
}

function collectMessages(socket: Socket): Message[] {
  const messages: Message[] = [];
  const decoder = new FrameDecoder();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    decoder.push(chunk);
    while (decoder.next() === Decoded.frame) {
      messages.push({ commandId: decoder.commandId, body: JSON.parse(decoder.body.toString('utf8')) });
    }
    decoder.detach();
  });
  return messages;
}
