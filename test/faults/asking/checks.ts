import type { CallLog, Waited } from './callers.ts';
import type { AskedDevice } from './device.ts';

/** The messages of the group members that were offline to the end: their names, in order. */
export type Mailboxes = ReadonlyMap<string, readonly string[]>;

const LATE_MS = 5_000;

/** A call that was answered 200 had its step before, and the reply of its own message. */
export function checkWaits(log: CallLog, devices: ReadonlyMap<string, AskedDevice>): string[] {
  return log.waited.flatMap((waited) => {
    const problem = judge(waited, devices.get(waited.user));
    return problem === undefined ? [] : [`${waited.n} to ${waited.user} ${problem}`];
  });
}

function judge({ n, step, outcome, reply, answeredAt }: Waited, device: AskedDevice | undefined): string | undefined {
  if (outcome === 'pending') return undefined;
  if (outcome !== (step === 'reply' ? 'replied' : 'acknowledged')) return `had the outcome ${outcome}`;
  const done = step === 'reply' ? device?.replied : device?.acknowledged;
  const at = done?.get(n);
  if (at === undefined || at > answeredAt) return `was ${outcome}, and the device had not done it`;
  const named = (reply as { n?: unknown } | undefined)?.n;
  if (step === 'reply' && named !== n) return `was answered with the reply to ${String(named)}`;
  return undefined;
}

/** What has its time comes then: not earlier, and not much later. What was taken back does not come. */
export function checkTimes(log: CallLog, devices: ReadonlyMap<string, AskedDevice>): string[] {
  return log.timed.flatMap(({ n, user, due, isCancelled, isCalm }) => {
    const device = devices.get(user);
    const first = device?.arrivals.find((arrival) => arrival.n === n);
    if (isCancelled === true) return first ? [`${n} came to ${user}, and was taken back`] : [];
    // Without acknowledgements, what a connection that broke had is gone.
    if (first === undefined && isCancelled === 'unsure') return [];
    if (first === undefined) return device?.form === 'ack' ? [`${n} never came to ${user}`] : [];
    const lateMs = first.atMs - due * 1_000;
    if (lateMs < 0) return [`${n} came to ${user} ${-lateMs} ms early`];
    return isCalm && lateMs > LATE_MS ? [`${n} came to ${user} ${lateMs} ms late`] : [];
  });
}

/** Of the commands with one key, a device that was away gets only the newest. For every device, the newest comes last. */
export function checkKeys(
  log: CallLog,
  devices: ReadonlyMap<string, AskedDevice>,
  away: ReadonlySet<string>,
): string[] {
  return [...log.keyed].flatMap(([where, sent]) => {
    const [user = ''] = where.split(' ');
    const device = devices.get(user);
    const came = [...new Set(device?.arrivals.map(({ n }) => n))].filter((n) => sent.includes(n));
    const newest = sent.at(-1) ?? '';
    if (away.has(user)) return came.join() === newest ? [] : [`${where}: came ${came.join()}, sent last was ${newest}`];
    if (device?.form !== 'ack') return [];
    return came.at(-1) === newest ? [] : [`${where}: came last ${came.at(-1)}, sent last was ${newest}`];
  });
}

/** What comes again until it is acknowledged has one id; what was sent twice has two. */
export function checkOnce(devices: ReadonlyMap<string, AskedDevice>): string[] {
  const acknowledging = [...devices.values()].filter(({ form }) => form === 'ack');
  return acknowledging.flatMap(({ user, arrivals }) =>
    [...Map.groupBy(arrivals, ({ n }) => n)].flatMap(([n, copies]) => {
      const ids = [...new Set(copies.map(({ id }) => id))];
      return ids.length === 1 ? [] : [`${n} came to ${user} as ${ids.join(' and ')}`];
    }),
  );
}

/** Every member has every message to the group once, in order. */
export function checkGroup(log: CallLog, devices: ReadonlyMap<string, AskedDevice>, mailboxes: Mailboxes): string[] {
  const sent = new Set(log.toGroup);
  const had = new Map([...mailboxes].map(([user, names]) => [user, names.filter((n) => sent.has(n))]));
  for (const { user, form, arrivals } of devices.values()) {
    const names = arrivals.map(({ n }) => n).filter((n) => sent.has(n));
    // With acknowledgements a message comes again until it is acknowledged.
    if (form === 'ack') had.set(user, [...new Set(names)]);
  }
  const wanted = log.toGroup.join();
  const broken = [...had].filter(([, names]) => names.join() !== wanted);
  const [first] = broken;
  if (first === undefined) return [];
  return [
    `${broken.length} of ${had.size} members did not get the messages to the group, such as ${first[0]}: ${first[1].join()} of ${wanted}`,
  ];
}
