import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { defaultTimings } from '../../lib/timings.ts';
import { gateway } from '../kit/gateway.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

/** Nodes of a load balancer hear so late, at the latest in most cases, that a target goes. */
const SENDING_MS = 180_000;
const EVERY_MS = 200;

test('three minutes of new connections after the deregistration, as on AWS: nobody is refused', {
  timeout: 300_000,
}, async () => {
  const prefix = uniquePrefix();
  const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
  await (await gateway({}, { prefix })).users(...users);
  const { drainTimeoutSeconds, stopTimeoutSeconds, deregistrationDelaySeconds } = defaultTimings;
  const drainMs = String(drainTimeoutSeconds * 1_000);
  const { process, port, isReady } = await startGatewayProcess({
    env: { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: prefix, DRAIN_TIMEOUT_MS: drainMs, DRAIN_ACCEPT_MS: drainMs },
  });
  onTestFinished(() => process.stop('SIGKILL').then(() => undefined));
  await until('it is ready', isReady);

  const refused: string[] = [];
  let served = 0;
  const come = async (at: number): Promise<void> => {
    const peer = await Peer.connect(port);
    try {
      const { code } = (await peer.verify(users[at % users.length] ?? '', { features: ['goodbye'] })) as {
        code: number;
      };
      if (code === 1) served += 1;
      else refused.push(`verify ${at} was answered ${code}`);
    } finally {
      peer.socket.destroy();
    }
  };
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  let stopped: Promise<unknown> | undefined;
  for (let at = 0; elapsed() < SENDING_MS; at += 1) {
    // ECS ends a task when its target has been deregistered for so long.
    if (stopped === undefined && elapsed() >= deregistrationDelaySeconds * 1_000) {
      stopped = process.stop('SIGTERM', stopTimeoutSeconds * 1_000);
    }
    await come(at).catch((error: unknown) => refused.push(`${Math.round(elapsed())} ms: ${String(error)}`));
    await setTimeout(EVERY_MS);
  }
  expect(refused).toEqual([]);
  expect(served).toBeGreaterThan(300);
  expect(await stopped).toEqual({ code: 0, signal: null });
});
