import type { Plan } from '../plan.ts';
import type { Server } from '../servers/server.ts';
import type { Figures } from '../support/loadgen.ts';
import { OTHER_CPU } from './columns.ts';
import { onEach } from './on-server.ts';
import type { Measured, Scenario, ScenarioFile } from './scenario.ts';

const HEARTBEAT_SECONDS = 60;

/** How fast clients come, and what one costs that only stays. */
export const connections: ScenarioFile = (servers, plan) => [connectAndStay(servers, plan)];

function connectAndStay(servers: readonly Server[], { isQuick }: Plan): Scenario {
  const count = isQuick ? 2_000 : 15_000;
  return {
    id: 'connections',
    group: 'Connections',
    title: `${count.toLocaleString('en-US')} clients connect and verify (or subscribe), then stay, with a heartbeat every ${HEARTBEAT_SECONDS} s`,
    note: 'memory is the growth of the process (Pss) over the empty server; 256 connections on their way at a time',
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
      args: ({ seconds }) => [
        '-m',
        'idle',
        '-n',
        `${count}`,
        '-H',
        `${HEARTBEAT_SECONDS}`,
        '-W',
        '2',
        '-d',
        `${isQuick ? seconds : 8}`,
      ],
      read: (figures) => read(figures, count),
    }),
  };
}

function read(figures: Figures, count: number): Measured {
  const { n = 0, conn_srv_cpu_s: cpu = 0 } = figures;
  const idlePercent = (figures['srv_user%'] ?? 0) + (figures['srv_sys%'] ?? 0);
  return {
    rate: figures['conn/s'],
    cpuEach: (cpu / n) * 1e6,
    helpEach: figures.conn_help_cpu_s ? (figures.conn_help_cpu_s / n) * 1e6 : undefined,
    memory: figures['after_srv_B/conn'],
    kernel: figures['slab_B/conn'],
    idle: (idlePercent * 1e4) / n,
    dead: count - n,
    [OTHER_CPU]: figures['other_cpu%'],
  };
}
