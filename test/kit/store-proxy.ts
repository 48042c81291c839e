import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Stands between a client and its Redis, and misbehaves as networks, hosts and proxies do. */
export interface StoreProxy {
  readonly url: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** From now on what comes on the connections of this moment goes nowhere, in both directions. They stay open; new ones work. */
  swallow(): void;
  /** Lets this many bytes of the next reply through, and then cuts its connection. */
  cutInReply(afterBytes: number): void;
  /** Replies come so much later. */
  delay(ms: number): void;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Accepts again, after `cut`. */
  mend(): void;
  /** Cuts everyone off; who comes again is led to another server. */
  switchTo(redisPort: number): void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  isSwallowed: boolean;
}

export async function startStoreProxy(redisPort: number): Promise<StoreProxy> {
  let target = redisPort;
  let delayMs = 0;
  let isCut = false;
  let cutAfter: number | undefined;
  const links = new Set<Link>();
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (isCut) return void client.resetAndDestroy();
    const redis = connect({ host: '127.0.0.1', port: target });
    const link: Link = { client, isSwallowed: false };
    links.add(link);
    // One after the other, so that replies keep their order.
    let before = Promise.resolve();
    const pass = (reply: Buffer): void => {
      if (link.isSwallowed) return;
      if (cutAfter === undefined) return void client.write(reply);
      const kept = reply.subarray(0, cutAfter);
      cutAfter = undefined;
      client.end(kept, () => client.resetAndDestroy());
    };
    redis.on('data', (reply) => {
      if (delayMs === 0) return pass(reply);
      const until = performance.now() + delayMs;
      before = before.then(() => setTimeout(Math.max(0, until - performance.now()))).then(() => pass(reply));
    });
    client.on('data', (command) => {
      if (!link.isSwallowed) redis.write(command);
    });
    redis.on('error', () => undefined);
    for (const socket of [client, redis]) {
      socket.on('close', () => {
        links.delete(link);
        client.destroy();
        redis.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  const cutAll = (): void => {
    for (const { client } of links) client.resetAndDestroy();
  };
  return {
    url: `redis://127.0.0.1:${address.port}`,
    port: address.port,
    get open() {
      return links.size;
    },
    swallow: () => {
      for (const link of links) link.isSwallowed = true;
    },
    cutInReply: (afterBytes) => {
      cutAfter = afterBytes;
    },
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
    switchTo: (port) => {
      target = port;
      cutAll();
    },
    close: async () => {
      server.close();
      cutAll();
      await once(server, 'close');
    },
  };
}
