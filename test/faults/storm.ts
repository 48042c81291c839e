import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { cpuSeconds } from '../../bench/support/proc.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { Crowd } from './storm-crowd.ts';
import { type Gateway, System } from './system.ts';
import { Wire } from './wire.ts';

interface StormOptions {
  readonly clients: number;
  readonly gateways: number;
}

interface StormResult {
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

const PROBE_EVERY_MS = 10;
const QUIET_MS = 3_000;
const PROBE_TOKEN = 'probe';
const message = z.looseObject({ chat_content: z.string() });
const SETTINGS = { LEASE_MS: '10000', LOG_LEVEL: 'warn' };

/** Kills one of several gateways under many clients, and sees how they come back and how the others fare meanwhile. */
export async function runStorm({ clients, gateways }: StormOptions): Promise<StormResult> {
  const system = await System.start({ cluster: false, gateways, env: SETTINGS });
  let crowd: Crowd | undefined;
  try {
    await system.untilReady();
    await system.admin.hset(system.keys.user('probe'), { token: tokenAtRest(PROBE_TOKEN) });
    const ports = system.open.map(({ port }) => port);
    crowd = await Crowd.connect(system, { count: clients, ports, features: ['goodbye'] });
    const all = crowd;

    const [victim, living] = system.open;
    if (!victim || !living) throw new Error('a storm needs two gateways');
    const probe = new Probe(living.port);
    await probe.start();
    await setTimeout(QUIET_MS);
    const quiet = probe.take();
    system.gateways[0] = undefined;
    const killedAt = performance.now();
    await victim.process.stop('SIGKILL');
    await all.until('they notice', () => all.connected() < clients);
    let least = clients;
    await all.until('everyone is back', () => {
      least = Math.min(least, all.connected());
      return all.connected() === clients;
    });
    const backAfterMs = performance.now() - killedAt;
    const storm = probe.take();
    probe.stop();
    return { cutOff: clients - least, backAfterMs, quiet, storm };
  } finally {
    crowd?.stop();
    await system.stop();
  }
}

export interface MoveResult {
  readonly clients: number;
  /** CPU time of the gateway that they left, s. */
  readonly leftCpuSeconds: number;
  /** From the first to the last that the other gateway has verified and the first one has closed, ms. */
  readonly movedAfterMs: number;
  /** Of the messages that were sent meanwhile, one to each: how many came, and how many came twice. */
  readonly received: number;
  readonly repeated: number;
  /** Of both gateways. */
  readonly leaseLosses: number;
}

/**
 * Plain clients of one gateway connect to another while their old connections are still open: what a mobile network does
 * that comes back. The old gateway hands every session over. One wave per number of clients, on the same gateways.
 */
export async function runMoves(waves: readonly number[]): Promise<MoveResult[]> {
  const system = await System.start({ cluster: false, gateways: 2, env: SETTINGS });
  try {
    await system.untilReady();
    const [left, joined] = system.open;
    if (!left || !joined) throw new Error('a move needs two gateways');
    const results: MoveResult[] = [];
    for (const clients of waves) results.push(await move(system, clients, left, joined));
    return results;
  } finally {
    await system.stop();
  }
}

async function move(system: System, clients: number, left: Gateway, joined: Gateway): Promise<MoveResult> {
  const crowd = await Crowd.connect(system, { count: clients, ports: [left.port] });
  try {
    const startedAt = performance.now();
    const cpuBefore = await cpuSeconds([left.process.pid]);
    crowd.moveTo(joined.port);
    const sent = sendToEach(system, crowd.users);
    const hasMoved = () => crowd.connected(joined.port) === clients && crowd.connected(left.port) === 0;
    await crowd.until('everyone has moved', hasMoved);
    const movedAfterMs = performance.now() - startedAt;
    await sent;
    await crowd.until('every message has come', () => crowd.received.contents === clients);
    const { messages, contents } = crowd.received;
    return {
      clients,
      leftCpuSeconds: (await cpuSeconds([left.process.pid])) - cpuBefore,
      movedAfterMs,
      received: contents,
      repeated: messages - contents,
      leaseLosses: (await leaseLosses(left)) + (await leaseLosses(joined)),
    };
  } finally {
    crowd.stop();
  }
}

/** One message to each through the queue, over about the second in which they move. */
async function sendToEach(system: System, users: readonly string[]): Promise<void> {
  const size = Math.ceil(users.length / 20);
  for (let from = 0; from < users.length; from += size) {
    const entries = users
      .slice(from, from + size)
      .map((user) =>
        JSON.stringify({ command_id: 102, chat_from: 'storm', chat_to: [user], chat_content: `for ${user}` }),
      );
    await system.admin.lpush(system.keys.queue, ...entries);
    await setTimeout(50);
  }
}

async function leaseLosses(gateway: Gateway): Promise<number> {
  return Number(/^fronttcp_lease_losses_total (\d+)/m.exec(await gateway.metrics())?.[1]);
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
    if ((await this.#wire.verify('probe', PROBE_TOKEN, undefined)) === undefined)
      throw new Error('the probe was refused');
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
