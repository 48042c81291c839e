import type { Plan } from '../plan.ts';
import { fronttcp } from '../servers/fronttcp.ts';
import { startChild } from '../support/child.ts';
import { noteEnd, parseFigures } from '../support/loadgen.ts';
import { cpuShares } from '../support/proc.ts';
import { OTHER_CPU } from './columns.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

const GROUP = 'What measuring costs';

/** Counters beside none, and a scrape. */
export const observe: ScenarioFile = () => [counters(), scrape()];

function counters(): Scenario {
  return {
    id: 'observe-counters',
    group: GROUP,
    title: 'what a delivered message adds to counters and histograms',
    note: 'a loop over messages in a process of its own, with and without the counting of the gateway',
    columns: [{ key: 'ns', label: 'CPU, ns per message', better: 'lower' }],
    isQuick: true,
    contestants: [
      counted('without counters', 'none'),
      counted('direct message', 'direct'),
      counted('message with an id: latency', 'id'),
      counted('the same, acknowledged', 'acknowledged'),
    ],
  };
}

/** `kind`: the argument of bench/load/counters.ts. */
function counted(name: string, kind: string): Contestant {
  return {
    name,
    async measure({ serverCpus: cpus, niceness, seconds }) {
      const args = ['bench/load/counters.ts', kind, String(seconds)];
      const child = await startChild(process.execPath, args, { cpus, niceness });
      const { ns } = parseFigures(await child.line(/^ns=/, 30_000 + 1_000 * seconds));
      await child.exited;
      return { ns };
    },
  };
}

function scrape(): Scenario {
  return {
    id: 'observe-scrape',
    group: GROUP,
    title: 'one scrape of GET /metrics, over and over',
    columns: [
      { key: 'ms', label: 'ms', better: 'lower' },
      { key: 'cpu', label: 'gateway CPU, ms', better: 'lower' },
      { key: 'kilobytes', label: 'kB', better: 'lower' },
    ],
    isQuick: false,
    contestants: [{ name: 'fronttcp', measure: scrapeFor }],
  };
}

async function scrapeFor(plan: Plan): Promise<Measured> {
  const gateway = await fronttcp.start(plan);
  try {
    const url = `http://127.0.0.1:${gateway.healthPort}/metrics`;
    await scrapesWithin(url, plan.warmupSeconds);
    const helpers = [process.pid, ...(gateway.helpers ?? [])];
    const before = await cpuShares(gateway.pids, helpers);
    const { count, bytes, ms } = await scrapesWithin(url, plan.seconds);
    const after = await cpuShares(gateway.pids, helpers);
    noteEnd();
    return {
      ms: ms / count,
      cpu: (1_000 * (after.server - before.server)) / count,
      kilobytes: bytes / 1_000,
      [OTHER_CPU]: (100_000 * (after.others - before.others)) / ms,
    };
  } finally {
    await gateway.stop();
  }
}

async function scrapesWithin(url: string, seconds: number): Promise<{ count: number; bytes: number; ms: number }> {
  const startedAt = performance.now();
  for (let count = 1; ; count += 1) {
    const answer = await fetch(url);
    const bytes = (await answer.arrayBuffer()).byteLength;
    if (!answer.ok) throw new Error(`GET /metrics answered ${answer.status}`);
    const ms = performance.now() - startedAt;
    if (ms >= 1_000 * seconds) return { count, bytes, ms };
  }
}
