import { parseMailboxMember } from '../../contract/store/records.ts';
import { metricIn } from '../kit/metrics.ts';
import { until } from '../kit/until.ts';
import {
  checkAddressees,
  checkDelivery,
  checkDuplicates,
  checkIdempotence,
  checkIds,
  checkOrder,
  checkSurvivors,
  see,
} from './checks.ts';
import { Faults } from './faults.ts';
import { History, type UserForm } from './history.ts';
import { Random } from './random.ts';
import { Receiver } from './receiver.ts';
import { describeStep, type Profile, planSteps, profileOf } from './schedule.ts';
import { HttpSender, QueueSender, type Sender, TcpSender } from './senders.ts';
import { checkEvents, checkLeftovers, checkLost, checkReceipts, countExpired, readReceipts } from './store-checks.ts';
import { type Gateway, LEASE_MS, System, type SystemOptions } from './system.ts';

interface SeedOptions {
  readonly seed: number;
  readonly cluster?: boolean;
  /** Default: the one that the seed names. */
  readonly profile?: Profile | undefined;
  /** How long the faults last, ms. */
  readonly durationMs?: number;
}

export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** One line for people. */
  readonly summary: string;
  /** What was done, with times; and what was planned. */
  readonly story: string;
}

const FORMS: readonly UserForm[] = ['plain', 'ack', 'extended', 'ack', 'plain', 'ack', 'mixed'];
/** They are sent broadcasts only, acknowledge at once, and stay where they are. In a gentle run: nothing else hides a loss. */
const QUICK_CLIENTS = 15;
/** The clocks of Redis and of its replica differ by so much, either way. */
const MAX_SKEW_MS = 30_000;
const GATEWAYS = 3;
const CALM_TIMEOUT_MS = 40_000;

/** One run: the system, its users and its faults as the seed has them, then calm, then the promises. */
export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  const { seed, cluster = false, profile = profileOf(seed, cluster), durationMs = 7_000 } = options;
  const random = new Random(seed);
  const sizes = { receivers: FORMS.length, senders: 3, gateways: GATEWAYS, leaseMs: LEASE_MS };
  const steps = planSteps(random.fork(), profile, durationMs, sizes);
  const system = await System.start({ cluster, gateways: GATEWAYS, ...storeOf(profile, random.fork()) });
  const history = new History();
  try {
    const users = FORMS.map((form, i) => ({ id: `${form}-${i}`, form }));
    const names = users.map(({ id }) => id);
    const quick = Array.from({ length: profile === 'gentle' ? QUICK_CLIENTS : 0 }, (_, i) => `quick-${i}`);
    for (const id of [...names, ...quick, 'chat-1', 'chat-2', 'chat-3']) await system.createUser(id);
    await system.createUser('operator', 'operator');
    await system.untilReady();

    const parts = () => ({ system, history, random: random.fork(), receivers: names });
    const moving = users.map(({ id, form }) => new Receiver(id, form, parts()));
    const receivers = [...moving, ...quick.map((id) => new Receiver(id, 'ack', parts(), { ackDelayMs: 0 }))];
    const chats = [
      new TcpSender('chat-1', ['receipts', 'errors'], parts()),
      new TcpSender('chat-2', undefined, parts()),
      new TcpSender('chat-3', ['receipts', 'errors', 'ack'], parts()),
    ];
    const marker = new HttpSender('marker', 'operator', true, parts());
    const senders: Sender[] = [
      ...chats,
      new HttpSender('http-retrying', 'operator', true, parts()),
      // Several, so that one of them waits for its answer at any moment.
      ...['http-once-1', 'http-once-2', 'http-once-3'].map((name) => new HttpSender(name, 'operator', false, parts())),
      new QueueSender('queue', parts()),
    ];
    await Promise.all(receivers.map((receiver) => receiver.connect()));
    for (const sender of senders) sender.start();
    const faults = new Faults({ system, history, receivers: moving, senders: chats });
    await faults.run(steps);
    await faults.healed();
    history.step('all faults are over');
    await system.untilReady();
    await Promise.all(senders.map((sender) => sender.stop()));
    history.step('senders have stopped');

    const violations = history.violations;
    await collect(violations, calm(system, history, receivers, marker, names));
    await collect(violations, noteLostLeases(history, system));
    const seen = see(history, new Map(receivers.map(({ user, form }) => [user, form])));
    violations.push(...checkAddressees(seen), ...checkDelivery(seen), ...checkDuplicates(seen), ...checkOrder(seen));
    violations.push(...checkIdempotence(seen), ...checkIds(seen), ...checkSurvivors(seen), ...checkHandovers(system));
    const receipts = await readReceipts(history, system);
    violations.push(...checkReceipts(seen, receipts), ...checkLost(seen, receipts));
    await collect(violations, farewell(system, receivers));
    const summary =
      `${violations.length === 0 ? 'ok' : 'BROKEN'}  seed ${seed} (${profile}${cluster ? ', cluster' : ''}): ${history.sends.length} sent, ` +
      `${history.received.length} received, ${countExpired(receipts)} expired, ${history.stays.length} sessions, ${steps.length} steps, ${violations.length} violations`;
    return { seed, violations, summary, story: story(seed, steps.map(describeStep), history, system) };
  } finally {
    await system.stop();
  }
}

function storeOf(profile: Profile, random: Random): Pick<SystemOptions, 'links' | 'replica'> {
  if (profile !== 'failover') return { links: profile === 'links' };
  return { links: true, replica: { behindMs: random.between(-MAX_SKEW_MS, MAX_SKEW_MS) } };
}

/** On a busy machine a gateway may be late with its renewal by itself, in the calm too: that is a risk like a pause. */
async function noteLostLeases(history: History, system: System): Promise<string[]> {
  // A line may still be on its way to us; the metric is not.
  for (const { name, metrics, process } of system.open) {
    const lost = metricIn(await metrics(), 'fronttcp_lease_losses_total') ?? 0;
    const logged = () => process.output().split('"event":"lease_lost"').length - 1;
    await until(`${name} has logged ${lost} lost leases`, () => logged() >= lost);
  }
  for (const { process } of system.started) {
    for (const [, time] of process.output().matchAll(/"time":"([^"]+)"[^\n]*"event":"lease_lost"/g)) {
      const at = Date.parse(time ?? '') - performance.timeOrigin;
      history.risks.push({ what: 'lease lost', from: at - 2 * LEASE_MS, to: at + 4 * LEASE_MS });
    }
  }
  return [];
}

/** Everyone hands over by itself: the patience of the waiting is for what nobody has thought of. */
function checkHandovers(system: System): string[] {
  const logs = system.started.map(({ process }) => process.output()).join('');
  if (logs.includes('"lease_lost"')) return [];
  return [...logs.matchAll(/"event":"predecessor_silent","user":"([^"]+)"/g)].map(
    ([, user]) => `${user} waited in vain for the session before`,
  );
}

async function collect(violations: string[], found: Promise<string[]>): Promise<void> {
  try {
    violations.push(...(await found));
  } catch (error) {
    const { message, cause } = error as Error;
    violations.push(`${message}${cause === undefined ? '' : `: ${String(cause)}`}`);
  }
}

/** Everyone is connected, everything has arrived, every session in Redis has its connection. */
export async function calm(
  system: System,
  history: History,
  receivers: readonly Receiver[],
  marker: HttpSender,
  names: readonly string[],
): Promise<string[]> {
  const bound = { timeoutMs: CALM_TIMEOUT_MS, everyMs: 50 };
  await until('every receiver is connected', () => receivers.every(({ isConnected }) => isConnected), bound);
  await until('older connections are closed', () => receivers.every((one) => one.openConnections === 1), bound);
  const marks = await marker.mark(names);
  const has = (user: string, content: string) =>
    history.received.some((received) => received.user === user && received.content === content);
  const missing = () => names.filter((user, i) => !has(user, marks[i]?.content ?? ''));
  await until('the last message has come to everyone', () => missing().length === 0, bound).catch((error: unknown) => {
    throw new Error(`not to ${missing().join(', ')}`, { cause: error });
  });
  await until('nothing is on its way', () => isIdle(system, names), bound);
  await until('what has expired is given up', () => giveUpExpired(system, receivers), bound);
  await until('all lost messages are reported', () => reportsLost(system, receivers), bound);
  history.step('calm');
  return checkPresence(system, receivers);
}

async function isIdle({ admin, keys, open: gatewaysHere }: System, names: readonly string[]): Promise<boolean> {
  // What chats have sent may wait in a gateway for a second after Redis was full.
  const routing = await Promise.all(gatewaysHere.map(routeQueueBytes));
  const boxes = await Promise.all(names.map((user) => countWaiting({ admin, keys }, user)));
  const owing = await Promise.all(names.map((user) => admin.hexists(keys.user(user), 'owing')));
  const gateways = await admin.zrange(keys.gateways, '0', '-1');
  const inboxes = await Promise.all(gateways.map((id) => admin.xlen(keys.inbox(id))));
  const queues = await Promise.all([admin.llen(keys.queue), admin.llen(keys.queueTaken)]);
  const open = [...boxes, ...owing, ...inboxes, ...queues, ...routing].filter((count) => count > 0).length;
  if (open === 0 && gateways.length === GATEWAYS) return true;
  throw new Error(
    `mailboxes ${boxes}, owing ${owing}, inboxes ${inboxes}, queues ${queues}, routing ${routing}, gateways ${gateways.length}`,
  );
}

async function routeQueueBytes(gateway: Gateway): Promise<number> {
  return metricIn(await gateway.metrics(), 'fronttcp_route_queue_bytes') ?? 0;
}

async function countWaiting({ admin, keys }: Pick<System, 'admin' | 'keys'>, user: string): Promise<number> {
  const members = (await admin.zrange(keys.mailbox(user), '0', '-1')).map(parseMailboxMember);
  return members.filter(({ head }) => head.expiresAtMs === 0 || head.expiresAtMs > Date.now()).length;
}

/** What expired while its recipient was connected is given up when that one connects again. */
async function giveUpExpired({ admin, keys }: System, receivers: readonly Receiver[]): Promise<boolean> {
  const sizes = await Promise.all(receivers.map(({ user }) => admin.zcard(keys.mailbox(user))));
  const late = receivers.filter((_, i) => sizes[i] !== 0);
  await Promise.all(late.map((receiver) => receiver.connect()));
  return late.length === 0 && receivers.every((one) => one.openConnections === 1);
}

/** A client that acknowledges gets the number when it connects. */
async function reportsLost({ admin, keys }: System, receivers: readonly Receiver[]): Promise<boolean> {
  const acknowledging = receivers.filter(({ form }) => form === 'ack');
  const lost = await Promise.all(acknowledging.map(({ user }) => admin.hget(keys.user(user), 'lost')));
  const untold = acknowledging.filter((_, i) => Number(lost[i] ?? 0) > 0);
  await Promise.all(untold.map((receiver) => receiver.connect()));
  return untold.length === 0 && receivers.every((one) => one.openConnections === 1);
}

async function checkPresence({ admin, keys }: System, receivers: readonly Receiver[]): Promise<string[]> {
  const broken: string[] = [];
  const gateways = await admin.zrange(keys.gateways, '0', '-1');
  const held = (await Promise.all(gateways.map((id) => admin.smembers(keys.sessions(id))))).flat();
  for (const { user } of receivers) {
    const count = held.filter((id) => id === user).length;
    if (count !== 1) broken.push(`${user} is connected, and in ${count} gateways' lists`);
  }
  return broken;
}

/** Everyone leaves: nothing may be left but what lasts. */
async function farewell(system: System, receivers: readonly Receiver[]): Promise<string[]> {
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  await until('every connection is closed', () => receivers.every(({ isGone }) => isGone));
  const gateways = await system.admin.zrange(system.keys.gateways, '0', '-1');
  await until('no session is left', async () => {
    const left = await Promise.all(gateways.map((id) => system.admin.smembers(system.keys.sessions(id))));
    if (left.flat().length > 0) throw new Error(left.flat().join(', '));
    return true;
  });
  await until('all inboxes are done', async () => {
    const left = await Promise.all(gateways.map((id) => system.admin.xlen(system.keys.inbox(id))));
    return left.every((entries) => entries === 0);
  });
  const broken = [...(await checkEvents(system)), ...(await checkLeftovers(system, gateways))];
  broken.push(...(await system.stopGateways()));
  const live = await system.admin.zrange(system.keys.gateways, '0', '-1');
  if (live.length > 0) broken.push(`gateways that have stopped are listed: ${live.join(', ')}`);
  return [...broken, ...(await checkLeftovers(system, []))];
}

function story(seed: number, plan: readonly string[], history: History, system: System): string {
  const at = (time: number | undefined): string =>
    time === undefined ? 'open' : String(Math.round(time - history.startedAt));
  const stays = history.stays.map(
    (stay) =>
      `${stay.user} (${stay.form}) ${stay.connection} on ${stay.gateway}, epoch ${stay.epoch ?? 'unknown'}: ${at(stay.startedAt)} to ${at(stay.endedAt)}${stay.abrupt ? ', abrupt' : ''}`,
  );
  const sends = history.sends.map(
    ({ content, sentAt, acceptedAt, id }) => `${content} sent ${at(sentAt)}, accepted ${at(acceptedAt)} ${id ?? ''}`,
  );
  const received = history.received.map(
    ({ user, content, id, connection, at: time }) => `${at(time)} ${user} (${connection}) got ${content} ${id ?? ''}`,
  );
  const logs = system.started.map(({ name, process }) => `--- ${name}\n${process.output()}`);
  return [
    `seed ${seed}`,
    'planned:',
    ...plan,
    'done:',
    ...history.steps,
    ...stays,
    ...sends,
    ...received,
    ...logs,
  ].join('\n');
}
