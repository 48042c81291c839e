import type { ResultFile, ScenarioResult } from './results.ts';
import { summarize } from './summary.ts';
import { format } from './table.ts';

/** The two implementations of the network (gateway/net); a goal that has nothing to do with it is judged on `node` alone. */
type Net = 'node' | 'native';
const NETS: readonly Net[] = ['node', 'native'];

interface Measure {
  readonly value: number;
  /** Beside the value: of what it is made. */
  readonly detail?: string;
}

interface Goal {
  readonly what: string;
  /** `least`: the value may be as low as that; `most`: as high. */
  readonly limits: Partial<Record<Net, number>>;
  readonly kind: 'least' | 'most';
  readonly unit?: string;
  /** Undefined: the result has no figures for it. */
  readonly measure: (figures: Figures, net: Net) => Measure | undefined;
  /** What bounds it, and what was tried: said where it is missed. */
  readonly bound: string;
}

/** Medians of a result, by scenario, contestant and column. */
class Figures {
  readonly #scenarios: readonly ScenarioResult[];

  constructor({ scenarios }: ResultFile) {
    this.#scenarios = scenarios;
  }

  of(scenario: string, contestant: string, column: string): number | undefined {
    const found = this.#scenarios.find(({ id }) => id === scenario);
    const samples = found?.contestants.find(({ name }) => name === contestant)?.samples ?? [];
    return summarize(samples).columns.get(column)?.median;
  }

  ratio(scenario: string, contestant: string, baseline: string, column = 'rate'): number | undefined {
    return quotient(this.of(scenario, contestant, column), this.of(scenario, baseline, column));
  }

  /** The names of the contestants of a scenario. */
  contestants(scenario: string): readonly string[] {
    return this.#scenarios.find(({ id }) => id === scenario)?.contestants.map(({ name }) => name) ?? [];
  }
}

const FLOOR = 'floor (C)';
const PROTOTYPE = 'prototype';
const ours = (net: Net): string => (net === 'node' ? 'fronttcp' : 'fronttcp native');

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function measured(value: number | undefined, detail?: string): Measure | undefined {
  if (value === undefined) return undefined;
  return detail === undefined ? { value } : { value, detail };
}

/** On node of the prototype, on the addon of the floor. */
function ofPrototypeOrFloor(scenario: string): Goal['measure'] {
  return (figures, net) => {
    const ofFloor = figures.ratio(scenario, ours(net), FLOOR);
    if (net === 'native') return measured(ofFloor, 'of the floor');
    const beside = ofFloor === undefined ? '' : `, ${format(ofFloor)} of the floor`;
    return measured(figures.ratio(scenario, ours(net), PROTOTYPE), `of the prototype${beside}`);
  };
}

const ofFloor =
  (scenario: string): Goal['measure'] =>
  (figures, net) =>
    measured(figures.ratio(scenario, ours(net), FLOOR), 'of the floor');

/** CPU of the gateways and of Redis for a message, µs. */
function cpuPerMessage(figures: Figures, contestant: string): number | undefined {
  const id = 'two-gateways-unicast';
  const [user, system, redis] = ['user', 'system', 'helpers'].map((column) => figures.of(id, contestant, column));
  const rate = figures.of(id, contestant, 'rate');
  if (user === undefined || system === undefined || rate === undefined) return undefined;
  return ((user + system + (redis ?? 0)) * 1e4) / rate;
}

function acrossGateways(figures: Figures, net: Net): Measure | undefined {
  const suffix = net === 'node' ? '' : ', native';
  const [one, two] = [`one gateway${suffix}`, `two gateways${suffix}`].map((name) => cpuPerMessage(figures, name));
  if (one === undefined || two === undefined) return undefined;
  return { value: two / one, detail: `${format(two)} µs across, ${format(one)} local` };
}

/** Of an ask, what it takes more than a bare send to the device. */
function askAbove(quantile: 'p50' | 'p99'): Goal['measure'] {
  return (figures) => {
    const ask = figures.of('asks-1000', 'ask, to the reply', quantile);
    const send = figures.of('asks-1000', 'send, to the device', quantile);
    if (ask === undefined || send === undefined) return undefined;
    return { value: ask - send, detail: `${format(ask)} beside ${format(send)}` };
  };
}

const goals: readonly Goal[] = [
  ...[1, 8, 64].map(
    (window): Goal => ({
      what: `broadcast to 1,000, ${window} outstanding`,
      kind: 'least',
      limits: { node: 0.9, native: 0.75 },
      measure: ofPrototypeOrFloor(`fanout-1000-w${window}`),
      bound: '',
    }),
  ),
  {
    what: 'single messages, 64 × 32',
    kind: 'least',
    limits: { node: 0.85, native: 0.6 },
    measure: ofPrototypeOrFloor('unicast-64x32'),
    bound: '',
  },
  {
    what: 'single messages, ahead of the fastest peer but the floor',
    kind: 'least',
    limits: { native: 1 },
    measure: (figures, net) => {
      const id = 'unicast-64x32';
      const peers = figures
        .contestants(id)
        .filter((name) => name !== FLOOR && name !== PROTOTYPE && !name.startsWith('fronttcp'));
      const best = peers
        .map((name) => ({ name, rate: figures.of(id, name, 'rate') ?? 0 }))
        .toSorted((a, b) => b.rate - a.rate)[0];
      return measured(quotient(figures.of(id, ours(net), 'rate'), best?.rate), `of ${best?.name}`);
    },
    bound: '',
  },
  {
    what: 'groups of 100, 8 outstanding',
    kind: 'least',
    limits: { node: 0.5, native: 0.7 },
    measure: ofFloor('group-100-w8'),
    bound: '',
  },
  {
    what: 'connect + verify with Redis, a second',
    kind: 'least',
    limits: { node: 0.5, native: 0.65 },
    measure: ofFloor('connections'),
    bound: '',
  },
  {
    what: 'memory per idle connection',
    kind: 'most',
    unit: 'B',
    limits: { node: 3_000, native: 1_800 },
    measure: (figures, net) => measured(figures.of('connections', ours(net), 'memory')),
    bound: '',
  },
  {
    what: 'idle CPU of a connection, heartbeats every 60 s',
    kind: 'most',
    unit: 'µs/s',
    limits: { node: 2.5, native: 1 },
    measure: (figures, net) => measured(figures.of('connections', ours(net), 'idle')),
    bound: '',
  },
  {
    what: 'across two gateways, CPU of gateways and Redis for a message',
    kind: 'most',
    unit: '× local',
    limits: { node: 3, native: 3 },
    measure: acrossGateways,
    bound: '',
  },
  {
    what: 'queue → device',
    kind: 'least',
    limits: { node: 0.8, native: 0.85 },
    measure: (figures, net) =>
      measured(figures.ratio('queue-max', ours(net), 'bare list consumer'), 'of the bare consumer'),
    bound: '',
  },
  ...(['p50', 'p99'] as const).map(
    (quantile): Goal => ({
      what: `HTTP → device at 1,000/s on one shared CPU, ${quantile}`,
      kind: 'most',
      unit: 'ms',
      limits: quantile === 'p50' ? { node: 5, native: 5 } : { node: 30, native: 30 },
      measure: (figures, net) => measured(figures.of('http-1000', ours(net), quantile)),
      bound: '',
    }),
  ),
  {
    what: 'local API, requests of one command per core',
    kind: 'least',
    limits: { node: 0.6 },
    measure: (figures) =>
      measured(figures.ratio('http-max-1', 'local API', 'bare handler', 'perCore'), 'of the bare handler'),
    bound: '',
  },
  ...(['p50', 'p99'] as const).map(
    (quantile): Goal => ({
      what: `asks at 1,000/s over two gateways, ${quantile} above that of a bare send`,
      kind: 'most',
      unit: 'ms',
      limits: { node: quantile === 'p50' ? 2 : 10 },
      measure: askAbove(quantile),
      bound: '',
    }),
  ),
  {
    what: 'a send to a group of 100,000, until it is accepted',
    kind: 'most',
    unit: 'ms',
    limits: { node: 20 },
    measure: (figures) => measured(figures.of('group-100000', 'one send to the group', 'accepted')),
    bound: '',
  },
  {
    what: 'the same, until the 1,000 connected members have it',
    kind: 'most',
    unit: 'ms',
    limits: { node: 2_000 },
    measure: (figures) => measured(figures.of('group-100000', 'one send to the group', 'served')),
    bound: '',
  },
];

/** A table of the goals, what was measured and whether they are met; then, of each that is missed, by how much and why. */
export function goalsTable(results: ResultFile): string {
  const figures = new Figures(results);
  const rows = goals.map((goal) => [goal.what, ...NETS.flatMap((net) => cells(goal, net, figures))]);
  const header = ['', 'goal, node', 'node', 'goal, native', 'native'];
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const table = [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
  const missed = goals.filter((goal) => NETS.some((net) => missedBy(goal, net, figures) !== undefined));
  return [table, ...(missed.length === 0 ? [] : [missedList(missed, figures)])].join('\n\n');
}

function cells(goal: Goal, net: Net, figures: Figures): [target: string, value: string] {
  const limit = goal.limits[net];
  if (limit === undefined) return ['', ''];
  const unit = goal.unit === undefined ? '' : ` ${goal.unit}`;
  const target = `${goal.kind === 'least' ? '≥' : '≤'} ${format(limit).replace(/\.00$/, '')}${unit}`;
  const found = goal.measure(figures, net);
  if (found === undefined) return [target, 'not measured'];
  const detail = found.detail === undefined ? '' : ` (${found.detail})`;
  const verdict = missedBy(goal, net, figures) === undefined ? 'met' : '**missed**';
  return [target, `${format(found.value)}${unit}${detail}: ${verdict}`];
}

/** The distance to the limit, as a part of the limit; undefined: met, or not measured. */
function missedBy(goal: Goal, net: Net, figures: Figures): number | undefined {
  const limit = goal.limits[net];
  const value = goal.measure(figures, net)?.value;
  if (limit === undefined || value === undefined) return undefined;
  const distance = goal.kind === 'least' ? limit - value : value - limit;
  return distance > 0 ? distance / limit : undefined;
}

function missedList(missed: readonly Goal[], figures: Figures): string {
  const items = missed.map((goal) => {
    const distances = NETS.flatMap((net) => {
      const by = missedBy(goal, net, figures);
      return by === undefined
        ? []
        : [`${goal.limits.native === undefined ? '' : `${net} `}by ${Math.ceil(100 * by)} %`];
    });
    return `- **${goal.what}**: missed ${distances.join(', ')}. ${goal.bound}`.trimEnd();
  });
  return ['What is missed, by how much, what bounds it and what was tried:', '', ...items].join('\n');
}
