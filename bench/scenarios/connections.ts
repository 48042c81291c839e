import type { Plan } from '../plan.ts';
import type { Server } from '../servers/server.ts';
import type { Figures } from '../support/loadgen.ts';
import { OTHER_CPU } from './columns.ts';
import { onEach } from './on-server.ts';
import type { Measured, Scenario, ScenarioFile } from './scenario.ts';

const HEARTBEAT_SECONDS = 60;
/** Above the 8 s after which V8 collects what a storm of connects has left behind: that belongs to the connects. */
const SETTLE_SECONDS = 12;
const WINDOW_SECONDS = 8;

/** How fast clients come, and what one costs that only stays. */
export const connections: ScenarioFile = (servers, plan) => [connectAndStay(servers, plan)];

function connectAndStay(servers: readonly Server[], { isQuick, seconds }: Plan): Scenario {
  const count = isQuick ? 2_000 : 15_000;
  const settleSeconds = isQuick ? 2 : SETTLE_SECONDS;
  const windowSeconds = isQuick ? seconds : WINDOW_SECONDS;
  return {
    id: 'connections',
    group: 'Connections',
    title: `${count.toLocaleString('en-US')} clients connect and verify (or subscribe), then stay, with a heartbeat every ${HEARTBEAT_SECONDS} s`,
    note:
      '256 connections on their way at a time; memory is the growth of the process (Pss) over the empty server; idle CPU ' +
      `is counted for ${windowSeconds} s, from ${settleSeconds} s after the last connect on, and memory at its end`,
    columns: [
      { key: 'rate', label: 'connect + verify /s', better: 'higher' },
      { key: 'cpuEach', label: 'server CPU, µs per connect', better: 'lower' },
      { key: 'helpEach', label: 'Redis CPU, µs per connect', better: 'lower' },
      { key: 'memory', label: 'bytes per idle connection', better: 'lower' },
      { key: 'idle', label: 'idle CPU, µs/s per connection', better: 'lower' },
      { key: 'dead', label: 'refused', better: 'lower' },
    ],
    baseline: 'floor (C)',
    isQuick: true,
    contestants: onEach(servers, {
      args: () => [
        ...['-m', 'idle', '-n', `${count}`, '-H', `${HEARTBEAT_SECONDS}`],
        ...['-W', `${settleSeconds}`, '-d', `${windowSeconds}`],
      ],
      read: (figures) => read(figures, count),
    }),
  };
}

function read(figures: Figures, count: number): Measured {
  const { n = 0, conn_srv_cpu_s: cpu = 0 } = figures;
  return {
    rate: figures['conn/s'],
    cpuEach: (cpu / n) * 1e6,
    helpEach: figures.conn_help_cpu_s ? (figures.conn_help_cpu_s / n) * 1e6 : undefined,
    memory: figures['after_srv_B/conn'],
    kernel: figures['slab_B/conn'],
    idle: ((figures['srv_cpu%'] ?? 0) * 1e4) / n,
    dead: count - n,
    [OTHER_CPU]: figures['other_cpu%'],
  };
}
