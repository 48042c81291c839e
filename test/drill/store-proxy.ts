import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Stands between a gateway and its Redis, and can make the way slow or cut it. */
export interface StoreProxy {
  readonly url: string;
  delay(ms: number): void;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Accepts again. */
  mend(): void;
  close(): void;
}

export async function startStoreProxy(redisPort: number): Promise<StoreProxy> {
  let delayMs = 0;
  let isCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (isCut) return void client.resetAndDestroy();
    const redis = connect({ host: '127.0.0.1', port: redisPort });
    // One after the other, so that answers keep their order.
    let before = Promise.resolve();
    redis.on('data', (answer) => {
      const until = performance.now() + delayMs;
      before = before
        .then(() => (delayMs === 0 ? undefined : setTimeout(Math.max(0, until - performance.now()))))
        .then(() => void client.write(answer));
    });
    client.on('data', (command) => redis.write(command));
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  const cutAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `redis://127.0.0.1:${address.port}`,
    delay: (ms) => {
      delayMs = ms;
    },
    cut: () => {
      isCut = true;
      cutAll();
    },
    mend: () => {
      isCut = false;
    },
    close: () => {
      server.close();
      cutAll();
    },
  };
}
