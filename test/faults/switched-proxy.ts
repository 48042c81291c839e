import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A stable address in front of servers that change, as a managed store's endpoint is. */
export interface SwitchedProxy {
  readonly port: number;
  /** Cuts everyone off; who comes again is led to the new one. */
  switchTo(port: number): void;
  close(): Promise<void>;
}

export async function startSwitchedProxy(firstPort: number): Promise<SwitchedProxy> {
  let target = firstPort;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    switchTo: (port) => {
      target = port;
      cut();
    },
    close: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
