import { setTimeout } from 'node:timers/promises';
import { until } from '../../kit/until.ts';
import { Honest, type HonestResult } from './honest.ts';
import { Attackers } from './orders.ts';
import { attacks, type Scene } from './rows.ts';
import { System } from './system.ts';
import { Watch, type Watched } from './watch.ts';

interface AttackOptions {
  /** Undefined: all rows. */
  readonly rows?: readonly number[] | undefined;
  readonly seconds: number;
  /** The repository whose gateways and API are attacked; undefined: this one. */
  readonly checkout?: string | undefined;
  /** Gets a line for everything that was seen. */
  readonly say: (line: string) => void;
}

/** Between attacks that happen once. */
const STEP_MS = 500;
const CALM_MS = 150_000;
const HONEST_MS = 30_000;
const LIMITS = { pingMs: 500, memoryMiB: 600, httpRefusedMs: 1_000 };

/** Runs the attacks at once, with honest traffic beside them, until all is calm again. Returns what was wrong. */
export async function runAttacks({ rows, seconds, checkout, say }: AttackOptions): Promise<string[]> {
  const chosen = attacks.filter(({ row }) => rows === undefined || rows.includes(row));
  const system = await System.start(checkout);
  const attackers = new Attackers();
  const watch = new Watch(system);
  const honest = new Honest(system, watch);
  try {
    const scene: Scene = { system, watch, attackers };
    for (const { prepare } of chosen) await prepare?.(scene);
    await honest.start();
    const startedAt = performance.now();
    for (const attack of chosen) attackers.start(attack.orders?.(system) ?? []);
    for (const { run } of chosen) {
      if (run === undefined) continue;
      await setTimeout(STEP_MS);
      await run(scene);
    }
    await setTimeout(Math.max(0, seconds * 1_000 - (performance.now() - startedAt)));
    attackers.stop();
    const wrong = await untilCalm(scene);
    const watched = await watch.stop();
    say(`watched: ${JSON.stringify(watched)}`);
    const honestResult = await honest.stop(HONEST_MS);
    say(`honest: ${JSON.stringify(honestResult)}`);
    wrong.push(...judge(watched, honestResult), ...overLimit(system));
    for (const { row, what, check } of chosen) {
      const seen = await check(scene);
      say(`row ${row}: ${what}: ${seen.text}`);
      wrong.push(...seen.wrong.map((text) => `row ${row}: ${text}`));
    }
    return wrong;
  } finally {
    attackers.end();
    await Promise.all([watch.end(), honest.end()]);
    await system.stop();
  }
}

function judge(watched: Watched, honest: HonestResult): string[] {
  const wrong: string[] = [];
  if (watched.pingWorkMs > LIMITS.pingMs) wrong.push(`a PING waited for ${Math.round(watched.pingWorkMs)} ms of work`);
  if (watched.leaseLosses > 0) wrong.push(`${watched.leaseLosses} leases were lost`);
  for (const [at, size] of watched.memoryMiB.entries()) {
    if (size > LIMITS.memoryMiB) wrong.push(`gateway ${at} had ${size} MiB`);
  }
  if (watched.failedHealthChecks > 0) wrong.push(`${watched.failedHealthChecks} health checks failed`);
  if (watched.ended > 0) wrong.push(`${watched.ended} gateways ended`);
  if (honest.httpRefusedMs > LIMITS.httpRefusedMs)
    wrong.push(`HTTP refused for ${Math.round(honest.httpRefusedMs)} ms`);
  if (honest.lost > 0) wrong.push(`${honest.lost} honest messages were lost`);
  if (honest.cutOff > 0) wrong.push(`${honest.cutOff} honest clients were cut off`);
  return wrong;
}

/** Calls of scripts that did more than twice their bound, where the environment makes them fail. */
function overLimit({ gateways }: System): string[] {
  const output = gateways.map(({ process }) => process.output()).join('\n');
  return [...new Set(output.match(/a call of \d+ units of work/g))];
}

/** Returns what is not calm. */
async function untilCalm({ system, attackers }: Scene): Promise<string[]> {
  let busy = '';
  const look = async () => {
    const { admin, keys } = system;
    const queue = (await admin.llen(keys.queue)) + (await admin.llen(keys.queueTaken));
    const live = await admin.zrange(keys.gateways, '0', '-1');
    const inboxes = await Promise.all(live.map((id) => admin.xlen(keys.inbox(id))));
    const texts = await Promise.all(system.gateways.map((gateway) => gateway.metrics()));
    const routing = texts.map((text) => Number(/^fronttcp_route_queue_bytes (\d+)/m.exec(text)?.[1] ?? 0));
    const accepted = attackers.accepted('');
    busy = `queue ${queue}, gateways ${live.length}, inboxes ${inboxes}, routing ${routing}`;
    return {
      isQuiet: queue === 0 && live.length === 2 && [...inboxes, ...routing].every((one) => one === 0),
      accepted,
    };
  };
  let before = -1;
  try {
    await until(
      'all is calm',
      async () => {
        const { isQuiet, accepted } = await look();
        const isCalm = isQuiet && accepted === before;
        before = accepted;
        return isCalm;
      },
      { timeoutMs: CALM_MS, everyMs: 1_000 },
    );
    return [];
  } catch {
    return [`not calm: ${busy}`];
  }
}
