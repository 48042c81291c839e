import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Connection, ConnectionEvents } from '../../../gateway/net/connection.ts';
import { loadBinding } from '../../../gateway/net/native-binding.ts';
import { NativeNetwork } from '../../../gateway/net/native-network.ts';
import { NodeNetwork } from '../../../gateway/net/node-network.ts';
import type { AcceptEvents, ListenOptions, Network, NetworkKind } from '../../../gateway/net/port.ts';
import { until } from '../../kit/until.ts';

export function networkOf(kind: NetworkKind): Network {
  if (kind === 'node') return new NodeNetwork(undefined);
  const found = loadBinding();
  if (found.state === 'absent') throw new Error(found.why);
  return new NativeNetwork(found.binding);
}

/** One accepted connection, and everything that it reported. */
class Recorded implements ConnectionEvents {
  readonly connection: Connection;
  readonly events: ('end' | 'close')[] = [];
  received = Buffer.alloc(0);
  onChunk: ((chunk: Buffer) => void) | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    this.onChunk?.(chunk);
    // A listener that kept a view would see this.
    chunk.fill(0xdb);
  }

  onEnd(): void {
    this.events.push('end');
  }

  onClosed(): void {
    this.events.push('close');
  }

  get text(): string {
    return this.received.toString('latin1');
  }
}

interface Recorder {
  readonly network: Network;
  readonly port: number;
  readonly accepted: readonly Recorded[];
  readonly counts: { dropped: number; acceptErrors: number };
  /** A client, and the server's side of it. */
  pair(): Promise<{ client: Socket; server: Recorded }>;
}

/** A network that listens until the test has finished. */
export async function recorder(
  kind: NetworkKind,
  options: Partial<ListenOptions> = {},
  events: Partial<AcceptEvents> = {},
): Promise<Recorder> {
  const network = networkOf(kind);
  const accepted: Recorded[] = [];
  const clients: Socket[] = [];
  const counts = { dropped: 0, acceptErrors: 0 };
  const port = await network.listen(
    {
      host: '127.0.0.1',
      port: 0,
      backlog: 1_024,
      reusePort: false,
      keepAliveMs: 120_000,
      maxConnections: 10_000,
      ...options,
    },
    {
      mayAccept: () => true,
      onConnection(connection) {
        const recorded = new Recorded(connection);
        connection.events = recorded;
        accepted.push(recorded);
      },
      onClosed: () => undefined,
      onDropped() {
        counts.dropped += 1;
      },
      onAcceptError() {
        counts.acceptErrors += 1;
      },
      onTlsError() {
        throw new Error('there is no TLS here');
      },
      ...events,
    },
  );
  onTestFinished(() => {
    network.stopAccepting();
    for (const { connection } of accepted) connection.destroy();
    for (const client of clients) client.destroy();
  });
  return {
    network,
    port,
    accepted,
    counts,
    async pair() {
      const client = await connected(port, clients);
      const server = await until('it is accepted', () =>
        accepted.find(({ connection }) => !taken.has(connection) && !connection.destroyed),
      );
      taken.add(server.connection);
      return { client, server };
    },
  };
}

const taken = new WeakSet<Connection>();

async function connected(port: number, clients: Socket[]): Promise<Socket> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  clients.push(client);
  client.on('error', () => client.destroy());
  await once(client, 'connect');
  return client;
}

/** Everything that the client reads from now on. */
export function reading(client: Socket): { readonly bytes: number; readonly ended: boolean; text(): string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  client.on('data', (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
  });
  client.on('end', () => {
    ended = true;
  });
  return {
    get bytes() {
      return bytes;
    },
    get ended() {
      return ended;
    },
    text: () => Buffer.concat(chunks).toString('latin1'),
  };
}
