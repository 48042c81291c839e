import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Looks every 20 ms until `condition` holds; rejects with `what` after the bound. */
async function until(what: string, condition: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(20);
  }
}

/** Resolves when the port takes connections. */
export function untilListens(port: number, timeoutMs?: number): Promise<void> {
  return until(`port ${port} takes connections`, () => takesConnections(port), timeoutMs);
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
