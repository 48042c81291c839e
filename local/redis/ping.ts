import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** One command on a connection of its own; rejects when Redis does not answer within two seconds. */
export async function ask(url: string, command: string, ...args: readonly string[]): Promise<unknown> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  // connect() rejects without the reason, which arrives here. Without a listener ioredis prints it too.
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason ??= error;
  });
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Waits until Redis answers PING with PONG (it does not while it loads its data). */
export async function untilReady(url: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    try {
      if ((await ask(url, 'PING')) === 'PONG') return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Redis at ${url} did not answer in ${timeoutMs} ms`, { cause: error });
    }
    await delay(25, undefined, { signal });
  }
}
