import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Fault as LambdaFault, refuse, THROTTLED } from '../../local/upstream/faults.ts';
import type { GatewayProcess } from '../kit/gateway-process.ts';
import { frameBytes, Peer } from '../kit/peer.ts';
import type { StoreProxy } from '../kit/store-proxy.ts';
import { type InnerFault, sumOf } from './gateway.ts';

/** What a fault works on: a gateway behind a proxy to its Redis, and one beside it where the fault wants two. */
export interface Scene {
  readonly gateway: GatewayProcess;
  readonly victim: GatewayProcess | undefined;
  readonly proxy: StoreProxy;
  /** A command on Redis itself, past the proxy. Keys have no prefix. */
  redis(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** Undone when the fault is over. */
  onEnd(undo: () => unknown): void;
}

export interface Fault {
  readonly name: string;
  /** Rises with the fault; as in the table of docs/runbook.md. */
  readonly metric: string;
  /** Of which of its samples, where not of all. */
  readonly read?: (metrics: string) => number;
  readonly event: string;
  /** Alerts of ops/prometheus that it raises; they end with the fault. */
  readonly alerts: readonly string[];
  /** Of the gateway. May start what must be there before it, and answers its settings. */
  readonly env?: (onEnd: Scene['onEnd']) => Promise<Readonly<Record<string, string>>>;
  readonly inner?: InnerFault;
  readonly maxFiles?: number;
  readonly needsTwo?: boolean;
  /** So many seconds are the minutes on which its alerts look back, where ten are too few. */
  readonly lookBackSeconds?: number;
  /** What is there before the fault. */
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  /** Returns what ends the fault, where it does not end by itself. */
  readonly inject: (scene: Scene) => Promise<(() => unknown) | undefined>;
}

const settings = (env: Readonly<Record<string, string>>) => async () => env;

export const faults: readonly Fault[] = [
  {
    name: 'Redis slow',
    metric: 'fronttcp_redis_round_trip_seconds',
    read: (metrics) =>
      sumOf(metrics, 'fronttcp_redis_round_trip_seconds_count') -
      sumOf(metrics, 'fronttcp_redis_round_trip_seconds_bucket{le="0.25"}'),
    event: 'redis_slow',
    alerts: ['RedisSlow', 'DeliverySlow', 'OldestUndelivered', 'QueueWaits'],
    inject: slowUnderLoad,
  },
  {
    name: 'Redis away',
    metric: 'fronttcp_redis_errors_total',
    event: 'redis_away',
    alerts: ['RedisUnanswered', 'RedisErrors'],
    inject: async ({ proxy }) => {
      proxy.cut();
      return () => proxy.mend();
    },
  },
  {
    name: 'gateway killed',
    metric: 'fronttcp_burials_total',
    event: 'gateway_buried',
    alerts: ['GatewayBuried', 'ConnectionsDropped'],
    needsTwo: true,
    prepare: async (scene) => {
      await connectAll(scene, 150, scene.victim);
      // The fleet was there for a while: what the rule looks back on.
      await setTimeout(5_000);
    },
    inject: async ({ victim }) => void victim?.process.child.kill('SIGKILL'),
  },
  {
    name: 'slow reader flood',
    metric: 'fronttcp_sessions_stalled',
    event: 'readers_stalled',
    alerts: ['ReadersStalled', 'SlowReaders'],
    env: settings({ MAX_MESSAGES_PER_S: '0', SLOW_READER_TIMEOUT_MS: '6000' }),
    inject: async (scene) => void (await stopReading(scene)),
  },
  {
    name: 'verify flood',
    metric: 'fronttcp_verify_refused_total',
    event: 'verifies_refused',
    alerts: ['VerifiesRefused'],
    inject: async (scene) => {
      const peers = await connectAll(scene, 200);
      for (const [i, peer] of peers.entries()) peer.send(1, { phone_number: `user${i}`, token: 'wrong' });
    },
  },
  {
    name: 'queue poison',
    metric: 'fronttcp_dead_letters_total',
    event: 'dead_letters',
    alerts: ['DeadLetters'],
    inject: async ({ redis }) => void (await redis('LPUSH', 'front_tcp', 'poison', '{"command_id": 1}', '[]')),
  },
  {
    name: 'route refused',
    metric: 'fronttcp_route_failures_total',
    event: 'route_failed',
    alerts: ['RoutesFailing'],
    inject: async (scene) => {
      const sender = await verified(scene, 'sender');
      await scene.redis('HSET', 'user:away', 'token', 'x');
      // A key of another type, where the script remembers the last batch of this gateway.
      const batch = `batch:${await gatewayId(scene)}`;
      await scene.redis('DEL', batch);
      await scene.redis('RPUSH', batch, 'of another type');
      sender.send(2, { chat_from: 'sender', chat_to: 'away', chat_content: 'hello' });
      return () => scene.redis('DEL', batch);
    },
  },
  {
    name: 'newer record',
    metric: 'fronttcp_inbox_unread_total',
    event: 'inbox_record_unread',
    alerts: ['InboxUnread'],
    inject: async (scene) => {
      await scene.redis('XADD', `inbox:${await gatewayId(scene)}`, '*', '["of a newer version"]', '{}');
    },
  },
  {
    name: 'lease lost',
    metric: 'fronttcp_lease_losses_total',
    event: 'lease_lost',
    alerts: ['LeaseLost', 'GatewayDown', 'GatewaysSilent'],
    // It is not measured while it is stopped: there must be a value from before.
    lookBackSeconds: 30,
    inject: async ({ gateway }) => {
      gateway.process.child.kill('SIGSTOP');
      await setTimeout(10_500);
      gateway.process.child.kill('SIGCONT');
    },
  },
  {
    name: 'event loop blocked',
    metric: 'fronttcp_event_loop_blocks_total',
    event: 'event_loop_blocked',
    alerts: ['EventLoopBlocked', 'EventLoopDelay'],
    inner: 'block',
    inject: async ({ gateway }) => {
      gateway.process.child.kill('SIGUSR2');
      return () => gateway.process.child.kill('SIGUSR2');
    },
  },
  {
    name: 'out of descriptors',
    metric: 'fronttcp_connections_refused_total',
    event: 'connections_refused',
    alerts: ['ConnectionsRefused', 'DescriptorsLow'],
    env: settings({ MAX_UNVERIFIED_PER_ADDRESS: '0' }),
    maxFiles: 1_600,
    inject: async (scene) => {
      const peers = await connectAll(scene, 1_600);
      return () => peers.forEach((peer) => void peer.socket.destroy());
    },
  },
  {
    name: 'upstream throttled',
    metric: 'fronttcp_upstream_failures_total',
    event: 'invocation_failed',
    alerts: ['UpstreamFailing'],
    env: throttledLambda,
    inject: async (scene) => {
      const device = await verified(scene, 'device');
      device.send(1_000, { temperature: 20 });
      for (let i = 0; i < 20; i += 1) device.send(1_500, { question: i });
      return () => device.socket.destroy();
    },
  },
  {
    name: 'mailbox overflow',
    metric: 'fronttcp_deployment_messages_total',
    read: (metrics) => sumOf(metrics, 'fronttcp_deployment_messages_total{outcome="lost"}'),
    event: 'messages_lost',
    alerts: ['MessagesLost'],
    env: settings({ MAILBOX_MAX: '10' }),
    inject: async ({ redis }) => {
      await redis('HSET', 'user:away', 'token', 'x');
      const entry = JSON.stringify({ command_id: 102, chat_from: 'p', chat_to: ['away'], chat_content: 'hello' });
      await redis('LPUSH', 'front_tcp', ...Array.from({ length: 50 }, () => entry));
    },
  },
  {
    name: 'message not taken',
    metric: 'fronttcp_deployment_repeats_total',
    event: 'messages_repeated',
    alerts: ['MessagesRepeated'],
    inject: async (scene) => {
      await scene.redis('HSET', 'user:stuck', 'token', 'x');
      const entry = JSON.stringify({ command_id: 102, chat_from: 'p', chat_to: ['stuck'], chat_content: 'hello' });
      await scene.redis('LPUSH', 'front_tcp', entry);
      for (let i = 0; i < 6; i += 1) {
        const peer = await Peer.connect(scene.gateway.port);
        peer.send(1, { phone_number: 'stuck', token: 'x', features: ['ack'] });
        await peer.receives(101);
        await peer.receives(102);
        peer.socket.destroy();
      }
    },
  },
  {
    name: 'clock jump',
    metric: 'fronttcp_clock_jumps_total',
    event: 'clock_jumped',
    alerts: ['ClockJumped'],
    inner: 'jump',
    inject: async ({ gateway }) => void gateway.process.child.kill('SIGUSR2'),
  },
];

async function connectAll({ gateway, onEnd }: Scene, count: number, to = gateway): Promise<Peer[]> {
  const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(to.port)));
  onEnd(() => peers.forEach((peer) => void peer.socket.destroy()));
  return peers;
}

async function gatewayId({ redis }: Scene): Promise<string> {
  const [id] = (await redis('ZRANGE', 'gateways', 0, 0)) as string[];
  if (id === undefined) throw new Error('no gateway holds a lease');
  return id;
}

async function verified(scene: Scene, user: string): Promise<Peer> {
  await scene.redis('HSET', `user:${user}`, 'token', `token of ${user}`);
  const [peer] = await connectAll(scene, 1);
  if (peer === undefined) throw new Error('nobody connected');
  await peer.verify(user);
  return peer;
}

/** A queue that is deep, and a user who is sent a message every 50 ms, while Redis takes more than a second for everything. */
async function slowUnderLoad(scene: Scene): Promise<() => unknown> {
  await verified(scene, 'reader');
  scene.proxy.delay(1_200);
  const entry = JSON.stringify({ command_id: 102, chat_from: 'p', chat_to: ['reader'], chat_content: 'hello' });
  for (let i = 0; i < 30; i += 1)
    await scene.redis('LPUSH', 'front_tcp', ...Array.from({ length: 1_000 }, () => entry));
  const timer = setInterval(() => void scene.redis('LPUSH', 'front_tcp', entry), 50);
  const end = () => {
    clearInterval(timer);
    scene.proxy.delay(0);
  };
  scene.onEnd(end);
  return end;
}

/** Many clients that read nothing any more, and one that says more than their sockets hold. */
async function stopReading(scene: Scene): Promise<void> {
  const readers = await Promise.all(Array.from({ length: 25 }, (_, i) => verified(scene, `reader${i}`)));
  const speaker = await verified(scene, 'speaker');
  for (const reader of readers) reader.freeze();
  const content = 'x'.repeat(60_000);
  const frame = frameBytes(3, {
    chat_from: 'speaker',
    chat_to: readers.map((_, i) => `reader${i}`),
    chat_content: content,
  });
  // Not all at once: who falls behind by more than an outbox is served from its mailbox, and slowly.
  for (let i = 0; i < 150; i += 1) {
    speaker.sendBytes(frame);
    if (i % 5 === 0) await setTimeout(50);
  }
}

/** A Lambda API that has no capacity left. */
async function throttledLambda(onEnd: Scene['onEnd']): Promise<Readonly<Record<string, string>>> {
  const { status, errorType, message = '' } = THROTTLED as Extract<LambdaFault, { kind: 'refuse' }>;
  const server = createServer((request, response) => {
    request.resume().on('end', () => refuse(response, status, errorType, message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    UPSTREAM_FUNCTION: 'devices',
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'drill',
    AWS_SECRET_ACCESS_KEY: 'drill',
  };
}
