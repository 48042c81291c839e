import { type Bill, frontTcpBill } from './model.ts';
import type { Usage } from './usage.ts';

interface Step {
  readonly name: string;
  /** The setting that does it. */
  readonly setting: string;
  readonly change: Partial<Usage>;
}

/** In the order of their effect on clients, the smallest first. */
export const STEPS: readonly Step[] = [
  {
    name: 'Denser tasks',
    setting: 'scaling.connectionsPerTask: 100000',
    change: { connectionsPerTask: 100_000 },
  },
  { name: 'Targets in the same zone', setting: 'gateway.crossZone: false', change: { crossZone: false } },
  { name: 'No public IPv4 for tasks', setting: "network.egress: 'nat'", change: { egress: 'nat' } },
  {
    name: 'Longer heartbeats',
    setting: 'timings.heartbeatTimeoutSeconds: 300',
    change: { heartbeatSeconds: 100 },
  },
  { name: 'Spot capacity', setting: 'gateway.spotPercent: 90', change: { spotPercent: 90 } },
];

interface StepTaken extends Step {
  /** US dollars a month, after the steps before it; below zero where it costs more than it saves. */
  readonly saving: number;
  /** US dollars a month for each client, with this step and those before it. */
  readonly perClient: number;
}

/** The cost of idle connections. */
export function holdingBill(usage: Usage): Bill {
  return frontTcpBill({ ...usage, commandsPerMinute: 0 });
}

/** The steps one after the other, each with its own saving on holding the connections. */
export function stepsDown(usage: Usage): StepTaken[] {
  let now = usage;
  return STEPS.map((step) => {
    const before = holdingBill(now).total;
    now = { ...now, ...step.change };
    const after = holdingBill(now).total;
    return { ...step, saving: before - after, perClient: after / usage.clients };
  });
}
