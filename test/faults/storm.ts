import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { until } from '../kit/until.ts';
import { Wire } from './wire.ts';
import { World } from './world.ts';

export interface StormOptions {
  readonly clients: number;
  readonly gateways: number;
}

export interface StormResult {
  /** How many lost their connection with the gateway. */
  readonly cutOff: number;
  /** From the kill to everyone verified again, ms. */
  readonly backAfterMs: number;
  /** Round trips of a chat message on a gateway that lives: before the kill, and until everyone was back, ms. */
  readonly quiet: Percentiles;
  readonly storm: Percentiles;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const PER_PROCESS = 5_000;
const PROBE_EVERY_MS = 10;
const QUIET_MS = 3_000;
const TOKEN = 'storm';
const report = z.object({ connected: z.number() });
const message = z.looseObject({ chat_content: z.string() });

/** Kills one of several gateways under many clients, and sees how they come back and how the others fare meanwhile. */
export async function runStorm({ clients, gateways }: StormOptions): Promise<StormResult> {
  const world = await World.start({ cluster: false, gateways, env: { LEASE_MS: '10000', LOG_LEVEL: 'warn' } });
  const crowd: ChildProcess[] = [];
  try {
    await world.untilReady();
    const field = tokenAtRest(TOKEN);
    const pipeline = world.admin.pipeline();
    for (let i = 0; i < clients; i += 1) pipeline.hset(world.keys.user(`storm-${i}`), { token: field });
    pipeline.hset(world.keys.user('probe'), { token: field });
    await pipeline.exec();
    const ports = world.open.map(({ port }) => port);
    const counts: number[] = [];
    for (let first = 0; first < clients; first += PER_PROCESS) {
      const order = { first, count: Math.min(PER_PROCESS, clients - first), ports, token: TOKEN };
      const child = fork(fileURLToPath(new URL('./storm-clients.ts', import.meta.url)), [JSON.stringify(order)]);
      const place = crowd.push(child) - 1;
      child.on('message', (text) => {
        counts[place] = report.parse(text).connected;
      });
    }
    const connected = () => counts.reduce((sum, count) => sum + count, 0);
    const bound = { timeoutMs: 180_000, everyMs: 10 };
    await until('everyone is connected', () => connected() === clients, bound);

    const [victim, living] = world.open;
    if (!victim || !living) throw new Error('a storm needs two gateways');
    const probe = new Probe(living.port);
    await probe.start();
    await setTimeout(QUIET_MS);
    const quiet = probe.take();
    world.gateways[0] = undefined;
    const killedAt = performance.now();
    await victim.process.stop('SIGKILL');
    await until('they notice', () => connected() < clients, bound);
    let least = clients;
    await until(
      'everyone is back',
      () => {
        least = Math.min(least, connected());
        return connected() === clients;
      },
      bound,
    );
    const backAfterMs = performance.now() - killedAt;
    const storm = probe.take();
    probe.stop();
    return { cutOff: clients - least, backAfterMs, quiet, storm };
  } finally {
    for (const child of crowd) if (child.connected) child.disconnect();
    await world.stop();
  }
}

/** Sends itself a message again and again, and measures how long each takes. */
class Probe {
  readonly #wire: Wire;
  #times: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.#wire = new Wire(
      port,
      ({ body }) => this.#times.push(performance.now() - Number(message.parse(body).chat_content)),
      () => undefined,
    );
  }

  async start(): Promise<void> {
    if ((await this.#wire.verify('probe', TOKEN, undefined)) === undefined) throw new Error('the probe was refused');
    this.#timer = setInterval(
      () => this.#wire.send(2, { chat_to: 'probe', chat_content: String(performance.now()) }),
      PROBE_EVERY_MS,
    );
  }

  take(): Percentiles {
    const times = this.#times.sort((a, b) => a - b);
    this.#times = [];
    const at = (share: number): number =>
      times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
    return { count: times.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#wire.socket.destroy();
  }
}
