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
  /** What comes on the connections of this moment is kept, in both directions, until `release`. They stay open; new ones work. */
  hold(): void;
  /** Passes on what was kept, also the commands of a client that has given its connection up meanwhile. */
  release(): void;
  /** Lets this many bytes of the next reply through, and then cuts its connection. */
  cutInReply(afterBytes: number, onCut?: () => void): void;
  /** Replies come so much later. */
  delay(ms: number): void;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Accepts again, after `cut`. */
  mend(): void;
  /** Cuts everyone off; later connections are led to another server. */
  switchTo(redisPort: number): void;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  isSwallowed: boolean;
  /** What is kept, while it is. */
  late: (() => void)[] | undefined;
}

export async function startStoreProxy(redisPort: number): Promise<StoreProxy> {
  let target = redisPort;
  let delayMs = 0;
  let isCut = false;
  let cutAfter: { bytes: number; onCut: (() => void) | undefined } | undefined;
  const links = new Set<Link>();
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (isCut) return void client.resetAndDestroy();
    const redis = connect({ host: '127.0.0.1', port: target });
    const link: Link = { client, isSwallowed: false, late: undefined };
    links.add(link);
    // One after the other, so that replies keep their order.
    let before = Promise.resolve();
    let delayed = 0;
    const orLater = (act: () => void): void => {
      if (link.late) link.late.push(act);
      else if (!link.isSwallowed) act();
    };
    const pass = (reply: Buffer): void => {
      if (cutAfter === undefined || client.destroyed) return void client.write(reply);
      const { bytes, onCut } = cutAfter;
      cutAfter = undefined;
      client.end(reply.subarray(0, bytes), () => client.resetAndDestroy());
      onCut?.();
    };
    redis.on('data', (reply) => {
      if (delayMs === 0 && delayed === 0) return orLater(() => pass(reply));
      const until = performance.now() + delayMs;
      delayed += 1;
      before = before.then(async () => {
        await setTimeout(Math.max(0, until - performance.now()));
        delayed -= 1;
        orLater(() => pass(reply));
      });
    });
    client.on('data', (command) => orLater(() => redis.write(command)));
    redis.on('error', () => undefined);
    redis.on('close', () => {
      links.delete(link);
      client.destroy();
    });
    client.on('close', () => {
      // What Redis was given before is carried out.
      if (link.late) link.late.push(() => redis.end());
      else redis.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  const cutAll = (): void => {
    for (const { client } of links) client.resetAndDestroy();
  };
  const release = (): void => {
    for (const link of links) {
      const late = link.late ?? [];
      link.late = undefined;
      for (const act of late) act();
    }
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
    hold: () => {
      for (const link of links) link.late ??= [];
    },
    release,
    cutInReply: (bytes, onCut) => {
      cutAfter = { bytes, onCut };
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
      release();
      cutAll();
      await once(server, 'close');
    },
  };
}
