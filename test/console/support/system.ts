import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Decoded, encodeFrame, FrameDecoder } from '../../../contract/wire/frame.ts';
import { createLog } from '../../../functions/runtime/log.ts';
import { createRuntime, type Runtime } from '../../../functions/runtime/runtime.ts';
import { createDemoUsers } from '../../../local/demo-users.ts';
import { startApi } from '../../../local/http/server.ts';
import { startGatewayProcess } from '../../kit/gateway-process.ts';
import { startTestRedis, type TestRedis } from '../../kit/redis.ts';
import { until } from '../../kit/until.ts';

/** Everything real: Redis, the handlers behind the local HTTP server, a gateway process. */
export interface System {
  /** Of the page. */
  readonly url: string;
  readonly redis: TestRedis;
  readonly runtime: Runtime;
  /** With this token; without one, another is written for it, which replaces that of the user's last login. */
  connectClient(userId: string, token?: string, how?: ClientOptions): Promise<Client>;
  stop(): Promise<void>;
}

interface ClientOptions {
  /** It asks for `ack`, and acknowledges what it is sent. */
  readonly acknowledges?: boolean;
  /** Of which gateway, counted from 0. */
  readonly gateway?: number;
}

interface Message {
  readonly commandId: number;
  readonly body: unknown;
}

/** A plain client: it verified, and keeps what it is sent. */
export interface Client {
  readonly messages: Message[];
  readonly isClosed: boolean;
  end(): void;
}

/** `gatewayPorts`: a gateway for each; 0 is any port that is free. */
export async function startSystem({ gatewayPorts = [0] } = {}): Promise<System> {
  const redis = await startTestRedis();
  const env = { REDIS_URL: redis.url, LOG_LEVEL: 'error' };
  const runtime = await createRuntime(env);
  await createDemoUsers(runtime.redis, '');
  const api = await startApi({ port: 0, env, log: createLog({ level: 'error' }) });
  const gateways = await Promise.all(
    gatewayPorts.map((port) => startGatewayProcess({ env: { ...env, GATEWAY_PORT: String(port) } })),
  );
  const clients: Client[] = [];
  return {
    url: `${api.url}/web/send-command`,
    redis,
    runtime,
    connectClient: async (userId, token, { acknowledges = false, gateway = 0 } = {}) => {
      const own = token ?? (await writeToken(runtime, userId));
      const client = await verifiedClient(gateways[gateway]?.port ?? 0, userId, own, acknowledges);
      clients.push(client);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.end();
      await Promise.all(gateways.map((gateway) => gateway.process.stop()));
      await Promise.all([api.close(), runtime.redis.close()]);
      await redis.stop();
    },
  };
}

/** In plain, as existing login code writes it. */
async function writeToken({ redis, keys }: Runtime, userId: string): Promise<string> {
  const token = `plain-${userId}`;
  await redis.command('HSET', keys.user(userId), 'token', token);
  return token;
}

async function verifiedClient(port: number, userId: string, token: string, acknowledges: boolean): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const messages = collectMessages(socket, acknowledges);
  const features = acknowledges ? { features: ['ack'] } : {};
  socket.write(encodeFrame(1100, 1, JSON.stringify({ phone_number: userId, token, ...features })));
  await until(`${userId} is verified`, () => messages.some(({ commandId }) => commandId === 101));
  return {
    messages,
    get isClosed() {
      return socket.closed;
    },
    end: () => socket.destroy(),
  };
}

function collectMessages(socket: Socket, acknowledges: boolean): Message[] {
  const messages: Message[] = [];
  const decoder = new FrameDecoder();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    decoder.push(chunk);
    while (decoder.next() === Decoded.frame) {
      const body = JSON.parse(decoder.body.toString('utf8'));
      messages.push({ commandId: decoder.commandId, body });
      if (acknowledges && body.id) socket.write(encodeFrame(1100, 6, JSON.stringify({ ids: [body.id] })));
    }
    decoder.detach();
  });
  return messages;
}
