import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, memoryMiB, pssMiB } from '../support/proc.ts';
import { type BenchRedis, startRedis } from '../support/redis.ts';
import { sendBroadcast, sendSingles } from './ask.ts';
import { type Pair, report, startPair, troubles } from './fleet.ts';
import type { Held } from './result.ts';

interface HoldOptions {
  readonly clients: number;
  readonly perGateway: number;
  /** Gateways that are filled at a time. */
  readonly pairs: number;
  readonly holdSeconds: number;
  /** Between two heartbeats of a client. */
  readonly heartbeatSeconds: number;
  readonly say: (line: string) => void;
}

/** Memory for everything else on the machine: below it no more clients are connected. */
const SPARE_MIB = 1_536;
/** For the last deliveries to arrive: a write to each of a million takes two CPUs half a minute and more. */
const BROADCAST_SETTLE_MS = 90_000;
const SINGLES_SETTLE_MS = 30_000;

/** Connects, holds, asks all, and tells. Everything that it started has ended when it answers. */
export async function hold(options: HoldOptions): Promise<Held> {
  const { say, holdSeconds } = options;
  const availableBeforeMiB = await memoryMiB('MemAvailable');
  const slabBeforeMiB = await memoryMiB('Slab');
  const redis = await startRedis({}, say);
  const pairs: Pair[] = [];
  try {
    const connected = await connect(options, redis, pairs);
    const verified = pairs.reduce((sum, pair) => sum + pair.verified, 0);
    const gateways = pairs.map(({ gateway }) => gateway.pid);
    const generators = pairs.map(({ clients }) => clients.pid);

    say(`${verified} clients stay for ${holdSeconds} s`);
    const idleCpu = await cpuPercents({ gateways, generators, redis: [redis.pid] }, holdSeconds);
    const memory = {
      availableBeforeMiB,
      availableHeldMiB: await memoryMiB('MemAvailable'),
      kernelSlabMiB: (await memoryMiB('Slab')) - slabBeforeMiB,
      gatewaysMiB: await pssMiB(gateways),
      generatorsMiB: await pssMiB(generators),
      redisMiB: await pssMiB([redis.pid]),
    };

    say('a broadcast to all of them');
    await sendBroadcast(redis.client);
    await delay(BROADCAST_SETTLE_MS);
    const broadcast = await report(pairs, 1);
    say(`${broadcast.delivered} got it; single messages to some of them`);
    const sent = await sendSingles(redis.client, verified);
    await delay(SINGLES_SETTLE_MS);
    const singles = await report(pairs, 2);
    return {
      asked: options.clients,
      heartbeatSeconds: options.heartbeatSeconds,
      gateways: pairs.length,
      verified,
      answered: broadcast.delivered,
      dropped: singles.dead,
      ...(await troubles(pairs)),
      ...connected,
      memory,
      idleCpu: { ...idleCpu, seconds: holdSeconds },
      broadcast: { p50Ms: broadcast.p50Ms, p99Ms: broadcast.p99Ms, maxMs: broadcast.maxMs },
      singles: { sent, delivered: singles.delivered, p50Ms: singles.p50Ms, p99Ms: singles.p99Ms },
    };
  } finally {
    // On SIGTERM a gateway would first send its clients away, one by one.
    await Promise.all(pairs.flatMap(({ gateway, clients }) => [gateway.stop('SIGKILL'), clients.stop('SIGKILL')]));
    await redis.stop();
  }
}

type Connected = Pick<Held, 'bound' | 'connectSeconds' | 'progress'>;

/** Fills gateway after gateway, `options.pairs` at a time, until there are enough clients or memory ends. */
async function connect(options: HoldOptions, redis: BenchRedis, pairs: Pair[]): Promise<Connected> {
  const { clients, perGateway, heartbeatSeconds, say } = options;
  const count = Math.ceil(clients / perGateway);
  const progress: Held['progress'] = [];
  const startedAt = performance.now();
  let bound = 'as many as were asked for';
  let next = 0;
  let verified = 0;
  const fill = async (): Promise<void> => {
    while (next < count) {
      const availableMiB = await memoryMiB('MemAvailable');
      if (availableMiB < SPARE_MIB) {
        bound = `memory: ${Math.round(availableMiB)} MiB were left`;
        return;
      }
      const index = next++;
      const share = Math.min(perGateway, clients - index * perGateway);
      const pair = await startPair(redis, { index, count: share, perGateway, heartbeatSeconds }).catch(
        (error: unknown) => {
          bound = `gateway ${index + 1}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
          next = count;
        },
      );
      if (!pair) return;
      pairs.push(pair);
      verified += pair.verified;
      const seconds = (performance.now() - startedAt) / 1_000;
      progress.push({ clients: verified, seconds, availableMiB });
      say(
        `${verified} clients on ${pairs.length} gateways after ${Math.round(seconds)} s, ${Math.round(availableMiB)} MiB left`,
      );
    }
  };
  await Promise.all(Array.from({ length: options.pairs }, fill));
  return { bound, connectSeconds: (performance.now() - startedAt) / 1_000, progress };
}

async function cpuPercents<Name extends string>(
  groups: Readonly<Record<Name, readonly number[]>>,
  seconds: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(groups) as Name[];
  const look = (): Promise<number[]> => Promise.all(names.map((name) => cpuSeconds(groups[name])));
  const before = await look();
  await delay(seconds * 1_000);
  const after = await look();
  const percents = names.map((name, i) => [name, (100 * ((after[i] ?? 0) - (before[i] ?? 0))) / seconds]);
  return Object.fromEntries(percents) as Record<Name, number>;
}
