import type { ResultFile, ScenarioResult } from './results.ts';
import { summarize } from './summary.ts';
import { format } from './table.ts';

/** The two implementations of the network (gateway/net); a goal that has nothing to do with it is judged on `node` alone. */
type Net = 'node' | 'native';
const NETS: readonly Net[] = ['node', 'native'];

interface Measure {
  readonly value: number;
  /** Beside the value: its parts. */
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
  /** Its bound, and the attempts: for a missed goal. */
  readonly bound: string;
}

/** Medians of a result, by scenario, contestant and column. */
class Figures {
  readonly #scenarios: readonly ScenarioResult[];
  /** Whether a median was asked for of which no round was clean (report/summary.ts). */
  isDisturbed = false;

  constructor({ scenarios }: ResultFile) {
    this.#scenarios = scenarios;
  }

  of(scenario: string, contestant: string, column: string): number | undefined {
    const found = this.#scenarios.find(({ id }) => id === scenario);
    const samples = found?.contestants.find(({ name }) => name === contestant)?.samples ?? [];
    const summary = summarize(samples);
    this.isDisturbed ||= summary.isDisturbed;
    return summary.columns.get(column)?.median;
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

/** CPU of the server outside the kernel for a single message, µs. */
function userTimePerMessage(figures: Figures, contestant: string): number | undefined {
  const id = 'unicast-64x32';
  const share = quotient(figures.of(id, contestant, 'user'), figures.of(id, contestant, 'rate'));
  return share === undefined ? undefined : share * 1e4;
}

function userTimeOfPrototype(figures: Figures, net: Net): Measure | undefined {
  const own = userTimePerMessage(figures, ours(net));
  const prototype = userTimePerMessage(figures, PROTOTYPE);
  const value = quotient(own, prototype);
  if (own === undefined || prototype === undefined || value === undefined) return undefined;
  return { value, detail: `(${format(own)} µs beside ${format(prototype)})` };
}

function acrossGateways(figures: Figures, net: Net): Measure | undefined {
  const suffix = net === 'node' ? '' : ', native';
  const [one, two] = [`one gateway${suffix}`, `two gateways${suffix}`].map((name) => cpuPerMessage(figures, name));
  if (one === undefined || two === undefined) return undefined;
  return { value: two / one, detail: `(${format(two)} µs across, ${format(one)} local)` };
}

/** The extra time of an ask over a bare send to the device. */
function askAbove(quantile: 'p50' | 'p99'): Goal['measure'] {
  return (figures) => {
    const ask = figures.of('asks-1000', 'ask, to the reply', quantile);
    const send = figures.of('asks-1000', 'send, to the device', quantile);
    if (ask === undefined || send === undefined) return undefined;
    return { value: ask - send, detail: `(${format(ask)} beside ${format(send)})` };
  };
}

const goals: readonly Goal[] = [
  ...[1, 8, 64].map(
    (window): Goal => ({
      what: `broadcast to 1,000, ${window} outstanding`,
      kind: 'least',
      limits: { node: 0.9, native: 0.75 },
      measure: ofPrototypeOrFloor(`fanout-1000-w${window}`),
      bound:
        "By profile (2026-11-30, 8 outstanding) 78 % of the gateway's time on node is the write of net.Socket and " +
        '9 % the round over the sessions, on native the send of the addon 81 % and the round 11 %: one write for ' +
        'each receiver and turn is left, and only more messages in a turn make it cheaper. Tried: a broadcast ' +
        'gathered once a turn instead of once per receiver (kept); 128 sends in a call of the addon instead of 32 ' +
        '(no difference).',
    }),
  ),
  {
    what: 'single messages, 64 × 32',
    kind: 'least',
    limits: { node: 0.85, native: 0.6 },
    measure: ofPrototypeOrFloor('unicast-64x32'),
    bound:
      "By profile (2026-11-30) 42 % of the gateway's time on node is the write of net.Socket, on native the " +
      'send of the addon 47 %; to find recipient and content in the bytes took 6 to 8 %, to join frames 5 %, ' +
      'the collector 3 to 4 %, and no other function above 4 %. Tried: the text of a chat looked through four ' +
      'bytes at a time (kept: a body of 170 bytes in 250 ns instead of 450); remembering how the last chat ' +
      'looked (a tenth of a microsecond); 128 sends in a call of the addon (no difference).',
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
    bound:
      'The peers that are ahead judge nothing: no session, no rate, and what a reader does not take is not put ' +
      'back anywhere.',
  },
  {
    what: 'single messages, CPU outside the kernel for one',
    kind: 'most',
    unit: '× the prototype',
    limits: { node: 1, native: 1 },
    measure: userTimeOfPrototype,
    bound:
      'Both pay 1 to 1.5 µs for a write of net.Socket beside the system call. The gateway asks of each message what ' +
      "the prototype does not: its sender's rate, its recipient's session and whether that keeps up, what it may not " +
      'overtake, whether the lease is held. The addon saves more than that takes. Tried: see the rate of single messages.',
  },
  {
    what: 'groups of 100, 8 outstanding',
    kind: 'least',
    limits: { node: 0.5, native: 0.7 },
    measure: ofFloor('group-100-w8'),
    bound:
      "By profile (2026-11-30) a third to a half of the gateway's time is the send; for each recipient the rest " +
      'finds its session by its id, and looks whether it is live and keeps up. Tried: the list of ids becomes ' +
      'text as a whole and is cut there (kept: an id in 40 ns instead of 290); who is named twice is known by ' +
      'what its session was given last, without a set of all ids (kept: 120 ns an id). Not done: remembering ' +
      'the lists of groups that come again.',
  },
  {
    what: 'connect + verify with Redis, a second',
    kind: 'least',
    limits: { node: 0.5, native: 0.65 },
    measure: ofFloor('connections'),
    bound:
      'Each client costs a read of its token and a claim in Redis, which the floor does not know, in calls for ' +
      'up to 128 clients; Redis shares its CPU with the generator, which alone needs 60 to 100 µs for a connection. The ' +
      'scripts take 17 µs of Redis for a client (2026-11-30): 4 of them are the event, 3 the tokens. Tried: at most ' +
      'two calls on their way, so that they fill (kept); calls for 32 to 256 clients, one to six at a time (no ' +
      'difference); fewer words in a claim and its reply, two indexes written once a call (kept: 2 of 19 µs); a young ' +
      'generation of 8 MiB (within the noise, more memory).',
  },
  {
    what: 'memory per idle connection',
    kind: 'most',
    unit: 'B',
    limits: { node: 3_000, native: 1_800 },
    measure: (figures, net) => measured(figures.of('connections', ours(net), 'memory')),
    bound:
      "By a heap snapshot with 6,000 connections Node's own objects for a socket (handle, Socket, its states " +
      'and properties) are 1,350 B; ours (Session, Outbox, FrameReader, Downlink, Identity) 576 B, and 136 B for ' +
      'a connection of the addon. The rest are strings, map entries, and what the connects have left behind. ' +
      'Tried: a young generation of 4 MiB instead of 16 (kept), of 8 (no difference beyond that); full collections ' +
      'when the heap has grown by 50 % (kept: some 800 B less); parts of a session made when they are needed, no ' +
      'closure per connection, no decoder and no second list of listeners for one that is idle (kept).',
  },
  {
    what: 'idle CPU of a connection, heartbeats every 60 s',
    kind: 'most',
    unit: 'µs/s',
    limits: { node: 2.5, native: 1 },
    measure: (figures, net) => measured(figures.of('connections', ours(net), 'idle')),
    bound:
      'Until commit 996bc1c it was counted in whole percents, from 2 s after the connects on: with the collection of ' +
      'what they left behind in it, which takes 90 ms. Counted exactly and from 12 s on, a round on a busy machine ' +
      'had 1.4 µs/s on node and 1.2 on native, and 0.2 for the floor. A gateway without connections takes some 8 ' +
      'ms a second (0.5 µs/s of these). By profile 28 % is the handling of heartbeats, two or three in a turn, 16 ' +
      "% epoll, 15 % timers, 9 % the compiler, 5 % what Redis says. Tried: the timer of the sessions' deadlines " +
      'for watching the event loop, too, instead of two of its own (kept).',
  },
  {
    what: 'across two gateways, CPU of gateways and Redis for a message',
    kind: 'most',
    unit: '× local',
    limits: { node: 3, native: 3 },
    measure: acrossGateways,
    bound:
      'Half of the messages go to the other gateway, through Redis. In runs of one afternoon, on a busy ' +
      "machine: 44 µs when one message through Redis sent all of its sender's behind it the same way; 27 since " +
      'only those to the same recipient wait for it; 19 since the script takes a chat in a short form (5 µs of ' +
      'Redis for a command instead of 12). A message to the other gateway is then some 34 µs, 7 of them Redis. ' +
      "By profile a third of the gateways' time is the writes to receivers, with fewer messages in each than on " +
      'one gateway (1.3 to 1.8, there 2.2), 20 % the way through Redis and back, and 8 to 16 % the collector. Tried: two ' +
      'calls of the script on their way, calls for 1,024 commands instead of 256 (no difference that could be seen in ' +
      'six rounds); the heads of chats read without JSON (kept: half of 0.4 µs).',
  },
  {
    what: 'queue → device',
    kind: 'least',
    limits: { node: 0.8, native: 0.85 },
    measure: (figures, net) =>
      measured(figures.ratio('queue-max', ours(net), 'bare list consumer'), 'of the bare consumer'),
    bound:
      "Without other work an entry takes 6.6 µs of Redis (session, id, inbox, removal; the bare consumer's list " +
      '1.0) and 8.9 µs of the gateway (5.2). Redis shares a CPU with the generator, and that CPU is at 82 %: ' +
      "0.57 is the most that this row can show. By profile 40 % of the gateway's time are writes to devices, 16 " +
      '% the collector. Tried: four calls for 250 entries on their way, the inbox read ahead (both kept); two or ' +
      'eight calls, the next one as soon as one is answered (no difference that could be seen).',
  },
  ...(['p50', 'p99'] as const).map(
    (quantile): Goal => ({
      what: `HTTP → device at 1,000/s on one shared CPU, ${quantile}`,
      kind: 'most',
      unit: 'ms',
      limits: quantile === 'p50' ? { node: 5, native: 5 } : { node: 30, native: 30 },
      measure: (figures, net) => measured(figures.of('http-1000', ours(net), quantile)),
      bound:
        "By the scheduler's record of a Xeon (2026-11-30) this CPU is at 95 %: the API takes 45 to 50 of these (0.4 to " +
        "0.5 ms for a request that comes alone), the gateway 25 to 33, V8's compiler and collector the rest. What " +
        'holds one of them up for 4 ms, a collection or a compile job, then makes 20 to 50 ms of waiting. Tried: no ' +
        'parallel or no concurrent collector, no optimizing compiler, one thread (no difference).',
    }),
  ),
  {
    what: 'local API, requests of one command per core',
    kind: 'least',
    limits: { node: 0.6 },
    measure: (figures) =>
      measured(figures.ratio('http-max-1', 'local API', 'bare handler', 'perCore'), 'of the bare handler'),
    bound:
      'A server of node:http that reads the body and replies with the same headers takes 25 µs, the bare ' +
      'handler 58: 0.70 is the most that there is. The loop of the bare handler has 64 calls for Redis in a ' +
      'turn, the API what came in a turn: less leaves together. By profile writes to sockets are 16 % of its ' +
      'time, the collector 9 %, nothing else above 4 %. Tried: the token checked by the script that routes ' +
      '(kept), commands of a turn in one write (kept).',
  },
  ...(['p50', 'p99'] as const).map(
    (quantile): Goal => ({
      what: `asks at 1,000/s over two gateways, ${quantile} above that of a bare send`,
      kind: 'most',
      unit: 'ms',
      limits: { node: quantile === 'p50' ? 2 : 10 },
      measure: askAbove(quantile),
      bound:
        'API, gateways, Redis, callers and devices share two CPUs, and an ask wakes each of them several times. ' +
        'Tried: the steps of an ask in one call of Redis instead of three (kept: half the calls, 10 % of the CPU ' +
        'of API, gateways and Redis, in three interleaved rounds at 400 a second).',
    }),
  ),
  {
    what: 'a send to a group of 100,000, until it is accepted',
    kind: 'most',
    unit: 'ms',
    limits: { node: 20 },
    measure: (figures) => measured(figures.of('group-100000', 'one send to the group', 'accepted')),
    bound: 'One call of Redis accepts it, whatever its size.',
  },
  {
    what: 'the same, until the 1,000 connected members have it',
    kind: 'most',
    unit: 'ms',
    limits: { node: 2_000 },
    measure: (figures) => measured(figures.of('group-100000', 'one send to the group', 'served')),
    bound: 'The sessions of the live gateways are looked through first, in steps of bounded work.',
  },
];

interface Judged {
  readonly target: string;
  /** Undefined: the result has no figures for it. */
  readonly found: Measure | undefined;
  /** The distance to the limit, as a part of the limit; undefined: met, or not measured. */
  readonly missedBy: number | undefined;
  readonly isDisturbed: boolean;
}

/** A table of the goals, what was measured and whether they are met; then, of each that is missed, by how much and why. */
export function goalsTable(results: ResultFile): string {
  const judged = goals.map((goal) => ({ goal, nets: NETS.map((net) => judge(goal, net, new Figures(results))) }));
  const header = ['', 'goal, node', 'node', 'goal, native', 'native'];
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const rows = judged.map(({ goal, nets }) => line([goal.what, ...nets.flatMap((one) => cells(goal, one))]));
  const table = [line(header), line(header.map(() => '---')), ...rows].join('\n');
  const missed = judged.filter(({ nets }) => nets.some((one) => one?.missedBy !== undefined));
  const quick = results.options.isQuick ? ['**A quick run: it judges nothing.**'] : [];
  if (missed.length === 0) return [...quick, table].join('\n\n');
  const items = missed.map(({ goal, nets }) => `- **${goal.what}**: ${distances(nets)}. ${goal.bound}`.trimEnd());
  const title = 'What is missed, by how much, what bounds it and what was tried:';
  return [...quick, table, title, items.join('\n')].join('\n\n');
}

/** Undefined: there is no such goal on this network. */
function judge(goal: Goal, net: Net, figures: Figures): Judged | undefined {
  const limit = goal.limits[net];
  if (limit === undefined) return undefined;
  const found = goal.measure(figures, net);
  const distance = found === undefined ? 0 : goal.kind === 'least' ? limit - found.value : found.value - limit;
  const target = `${goal.kind === 'least' ? '≥' : '≤'} ${shortly(limit)}${unitOf(goal)}`;
  return { target, found, missedBy: distance > 0 ? distance / limit : undefined, isDisturbed: figures.isDisturbed };
}

function cells(goal: Goal, judged: Judged | undefined): [target: string, value: string] {
  if (judged === undefined) return ['', ''];
  const { target, found, missedBy, isDisturbed } = judged;
  if (found === undefined) return [target, 'not measured'];
  const detail = found.detail === undefined ? '' : ` ${found.detail}`;
  const value = `${format(found.value)}${unitOf(goal)}${detail}${isDisturbed ? ' †' : ''}`;
  return [target, `${value}: ${missedBy === undefined ? 'met' : '**missed**'}`];
}

function distances(nets: readonly (Judged | undefined)[]): string {
  const parts = NETS.flatMap((net, i) => {
    const by = nets[i]?.missedBy;
    return by === undefined ? [] : [`${net} by ${Math.ceil(100 * by)} %`];
  });
  return `missed on ${parts.join(', on ')}`;
}

const unitOf = ({ unit }: Goal): string => (unit === undefined ? '' : ` ${unit}`);

function shortly(limit: number): string {
  return format(limit).replace(/\.0+$/, '');
}
