import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections and to listeners on port 0, so that none of those takes it
 * meanwhile: Linux from 32768 on (net.ipv4.ip_local_port_range), macOS from 49152. The bus of a Redis cluster, 10,000 above
 * its port, is below those, too, and outside of this range.
 */
const FIRST = 13_000;
const END = 22_700;
const ATTEMPTS = 1_000;

/**
 * The first of `width` consecutive ports of 127.0.0.1 on which nobody listens now. Prefer port 0 and reading the port back:
 * this one is for a program that must be given its port, or for one that must be refused. Rejects when none is found, or
 * when this process can open no more sockets.
 */
export async function freePort(width = 1): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const first = randomInt(FIRST, END - width);
    const ports = Array.from({ length: width }, (_, i) => first + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no free port of 127.0.0.1 was found between ${FIRST} and ${END}`);
}

/** Whether nobody listens there now. Rejects when this process can open no more sockets. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
