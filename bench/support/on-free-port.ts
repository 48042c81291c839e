import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../local/free-port.ts';
import { lastLines } from '../../local/redis/run.ts';
import type { Child } from './child.ts';

const MAX_STARTS = 5;
const TIMEOUT_MS = 30_000;

/** A program, and the port that it was told. */
interface Listening extends Child {
  readonly port: number;
}

/**
 * Starts a program that is told its port, and resolves when it listens there. Another program may take a port that
 * was free a moment ago: one that ends is started again, on another. Rejects when it ends each time.
 */
export async function startOnFreePort(start: (port: number) => Promise<Child>): Promise<Listening> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = await start(port);
    if (await listens(port, child)) return { ...child, port };
    if (attempt === MAX_STARTS) throw new Error(`it ended before it listened:\n${lastLines(child.output(), 12)}`);
  }
}

/** Resolves with true when the port takes connections, with false when the program has ended. */
async function listens(port: number, { process }: Child): Promise<boolean> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    if (process.exitCode !== null || process.signalCode !== null) return false;
    if (await takesConnections(port)) return true;
    if (performance.now() > deadline) throw new Error(`port ${port} takes no connections within ${TIMEOUT_MS} ms`);
    await delay(20);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
