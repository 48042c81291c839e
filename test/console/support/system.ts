import { createLog } from '../../../functions/runtime/log.ts';
import { createRuntime, type Runtime } from '../../../functions/runtime/runtime.ts';
import { createDemoUsers } from '../../../local/demo-users.ts';
import { startApi } from '../../../local/http/server.ts';
import { startGatewayProcess } from '../../kit/gateway-process.ts';
import { Peer } from '../../kit/peer.ts';
import { startTestRedis, type TestRedis } from '../../kit/redis.ts';

/** Everything real: Redis, the handlers behind the local HTTP server, a gateway process. */
export interface System {
  /** Of the page. */
  readonly url: string;
  readonly redis: TestRedis;
  readonly runtime: Runtime;
  /** With this token; without one, another is written for it, which replaces that of the user's last login. */
  connectClient(userId: string, token?: string, how?: ClientOptions): Promise<Peer>;
  stop(): Promise<void>;
}

interface ClientOptions {
  /** It asks for `ack`, and acknowledges what it is sent. */
  readonly acknowledges?: boolean;
  /** Of which gateway, counted from 0. */
  readonly gateway?: number;
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
  const clients: Peer[] = [];
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
      for (const client of clients) client.socket.destroy();
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

async function verifiedClient(port: number, userId: string, token: string, acknowledges: boolean): Promise<Peer> {
  const peer = await Peer.connect(port);
  if (acknowledges) acknowledge(peer);
  await peer.verify(userId, acknowledges ? { token, features: ['ack'] } : { token }, 1_100);
  return peer;
}

/** Whatever has an id, as soon as it comes. */
function acknowledge(peer: Peer): void {
  let seen = 0;
  peer.socket.on('data', () => {
    for (const { body } of peer.frames.slice(seen)) {
      const { id } = body as { id?: string };
      if (id) peer.send(6, { ids: [id] }, 1_100);
    }
    seen = peer.frames.length;
  });
}
