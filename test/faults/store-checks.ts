import { type RecipientReceipt, readReceipt } from '../../contract/store/scripts/receipts.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { mayBeLost, type Seen } from './checks.ts';
import type { History, Send, Stay, UserForm } from './history.ts';
import type { System } from './system.ts';

type Receipts = ReadonlyMap<Send, readonly RecipientReceipt[] | undefined>;

/** Of all sends that asked for one. */
export async function readReceipts({ sends }: History, system: System): Promise<Receipts> {
  // In upper case: ioredis makes objects of the replies of commands that it knows by their lower-case name.
  const command = (name: string, ...args: string[]) => system.admin.call(name.toUpperCase(), ...args);
  const pipeline = (commands: [string, ...string[]][]) => Promise.all(commands.map((one) => command(...one)));
  const port = { command, pipeline } as unknown as RedisPort;
  const receipts = new Map<Send, readonly RecipientReceipt[] | undefined>();
  for (const send of sends) {
    if (!send.receipt || send.id === undefined) continue;
    receipts.set(send, (await readReceipt(port, system.keys, send.id))?.recipients);
  }
  return receipts;
}

/** Receipts say what the receivers saw. */
export function checkReceipts(seen: Seen, receipts: Receipts): string[] {
  const broken: string[] = [];
  for (const [send, recipients] of receipts) {
    if (seen.history.mayHaveForgotten(send)) continue;
    if (recipients === undefined) {
      broken.push(`${send.content} has no receipt`);
      continue;
    }
    const judge = send.to === 'everyone' ? judgeBroadcast : judgeReceipt;
    for (const user of send.to === 'everyone' ? seen.forms.keys() : send.to) {
      const about = recipients.find(({ userId }) => userId === user);
      const problem = judge(about, knowledgeOf(seen, send, user));
      if (problem) {
        broken.push(
          `receipt of ${send.content} for ${user} (${seen.forms.get(user)}) ${problem}: ${JSON.stringify(about)}`,
        );
      }
    }
  }
  return broken;
}

interface Known {
  readonly form: UserForm | undefined;
  /** Or, to a plain client, given to a connection that broke. */
  readonly isSeen: boolean;
  readonly isAcknowledged: boolean;
  /** It had its session, and nothing was done to the system, until the acknowledgement must have been read. */
  readonly isAcknowledgedInPeace: boolean;
  readonly isBrief: boolean;
}

const READ_MS = 3_000;

function knowledgeOf({ history, forms, firsts }: Seen, send: Send, user: string): Known {
  const acknowledged = history.acknowledged.get(`${user} ${send.id}`);
  const stay = history.stays.find(({ connection }) => connection === acknowledged?.connection);
  const readAt = (acknowledged?.at ?? 0) + READ_MS;
  return {
    form: forms.get(user),
    isSeen: (firsts.get(user)?.has(send.content) ?? false) || mayBeLost(history, user, send),
    isAcknowledged: acknowledged !== undefined,
    isAcknowledgedInPeace:
      acknowledged !== undefined &&
      (stay === undefined || heldUntil(history, stay) > readAt) &&
      !history.risks.some(({ from, to }) => from < readAt && to > acknowledged.at),
    isBrief: send.ttlSeconds !== undefined,
  };
}

/** Until its connection ended, or its user connected anew: a client that hangs does not see that its session was taken over. */
function heldUntil({ stays }: History, { user, startedAt, endedAt = Number.POSITIVE_INFINITY }: Stay): number {
  const later = stays.filter((stay) => stay.user === user && stay.startedAt > startedAt);
  return Math.min(endedAt, ...later.map((stay) => stay.startedAt));
}

function judgeReceipt(receipt: RecipientReceipt | undefined, known: Known): string | undefined {
  if (receipt === undefined) return 'is missing';
  const { state } = receipt;
  if (state === 'acknowledged' && !known.isAcknowledged) return 'is acknowledged, and nobody did';
  if (known.isBrief && state === 'expired') return undefined;
  if (known.isBrief && !known.isSeen) return 'is not expired, and it never came';
  if (known.form === 'mixed' && (state === 'written' || state === 'acknowledged')) return undefined;
  if (known.form === 'ack' && state !== 'acknowledged') return 'is not acknowledged at the end';
  if (known.form !== 'ack' && state !== 'written') return 'is not written at the end';
  return undefined;
}

/** A broadcast is not stored: nobody has to get it. Who gets it is in the receipt, and what they say to it. */
function judgeBroadcast(receipt: RecipientReceipt | undefined, known: Known): string | undefined {
  if (receipt?.state === 'acknowledged' && !known.isAcknowledged) return 'is acknowledged, and nobody did';
  if (known.isAcknowledgedInPeace && receipt?.state !== 'acknowledged') return 'is not acknowledged';
  return undefined;
}

export function countExpired(receipts: Receipts, user?: string): number {
  const all = [...receipts.values()].flatMap((recipients) => recipients ?? []);
  // One that was given up may be acknowledged afterwards: its client had got it before.
  const isExpired = ({ steps }: RecipientReceipt): boolean => steps.some(({ state }) => state === 'expired');
  return all.filter((one) => isExpired(one) && (user === undefined || one.userId === user)).length;
}

/** Nothing is given up but what expired, no bound was reached: clients get exactly these numbers. */
export function checkLost({ history, forms }: Seen, receipts: Receipts): string[] {
  const broken: string[] = [];
  for (const [user, form] of forms) {
    const expired = countExpired(receipts, user);
    const stays = history.stays.filter((stay) => stay.user === user);
    const reported = sumLost(stays);
    const certain = stays.filter(
      ({ startedAt }) => !history.mayHaveForgotten({ sentAt: startedAt, acceptedAt: startedAt }),
    );
    const max = Math.max(0, ...certain.map(({ lost }) => lost));
    if (max > expired) broken.push(`${user} got ${max} as lost, and ${expired} had expired`);
    if (form !== 'ack' || history.risks.length > 0) continue;
    // It gets the number again when it comes back before the gateway has recorded the report.
    const noted = sumLost(stays.filter((stay) => heldUntil(history, stay) - stay.startedAt > NOTED_MS));
    const isUnsure = history.unanswered.has(user) || stays.some(({ abrupt }) => abrupt);
    if (noted > expired || (reported < expired && !isUnsure))
      broken.push(`${user} got ${reported} as lost (${noted} of them noted), and ${expired} had expired`);
  }
  return broken;
}

const NOTED_MS = 1_000;

function sumLost(stays: readonly Stay[]): number {
  return stays.reduce((sum, { lost }) => sum + lost, 0);
}

interface LifecycleEvent {
  readonly type: string;
  readonly user: string;
  readonly epoch: number;
  readonly gateway: string;
}

/** Each session exactly one connected, then exactly one of disconnected and lost, in the order of epochs. */
export async function checkEvents(system: System): Promise<string[]> {
  const entries = await system.admin.xrange(system.keys.events, '-', '+');
  const events = entries.map(([, fields]) => toEvent(fields));
  const broken: string[] = [];
  for (const [user, ofUser] of Map.groupBy(events, (event) => event.user)) {
    let open: LifecycleEvent | undefined;
    let epoch = 0;
    for (const event of ofUser) {
      const { type } = event;
      if (type === 'connected') {
        if (open) broken.push(`${user}: session ${event.epoch} begins before ${open.epoch} has ended`);
        if (event.epoch <= epoch) broken.push(`${user}: epoch ${event.epoch} comes after ${epoch}`);
        epoch = event.epoch;
        open = event;
      } else if (!open || open.epoch !== event.epoch || open.gateway !== event.gateway) {
        broken.push(`${user}: ${type} of session ${event.epoch} on ${event.gateway}, which is not open`);
      } else open = undefined;
    }
    if (open) broken.push(`${user}: session ${open.epoch} on ${open.gateway} never ended`);
  }
  if (events.length === 0) broken.push('there are no events');
  return broken;
}

function toEvent(fields: readonly string[]): LifecycleEvent {
  const of = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
  return { type: of('type'), user: of('user'), epoch: Number(of('epoch')), gateway: of('gateway') };
}

/** Keys that stay while nobody is connected; what else there is must have a time to live. */
const LASTING = [
  'users',
  'gateways',
  'events',
  'stats',
  'message_id',
  'sweep_cursor',
  'sweep_scan',
  'upstream_position',
  'upstream_lanes',
  'audit',
  'service_tokens',
];

export async function checkLeftovers(system: System, live: readonly string[]): Promise<string[]> {
  const prefix = system.keys.prefix;
  const names = (await system.admin.keys(`${prefix}*`)).map((name) => name.slice(prefix.length));
  const ofLive = live.flatMap((id) => [`gateway:${id}`, `inbox:${id}`, `sessions:${id}`]);
  const broken: string[] = [];
  for (const name of names) {
    if (LASTING.includes(name) || ofLive.includes(name) || name.startsWith('user:')) continue;
    const ttl = await system.admin.ttl(`${prefix}${name}`);
    if (ttl === -1) broken.push(`key ${name} is left`);
  }
  for (const id of live) {
    const entries = await system.admin.xlen(system.keys.inbox(id));
    if (entries > 0) broken.push(`inbox of ${id} has ${entries} entries left`);
  }
  for (const name of names.filter((one) => one.startsWith('user:'))) {
    const fields = await system.admin.hkeys(`${prefix}${name}`);
    const left = fields.filter((field) => ['gateway', 'owing', 'form'].includes(field));
    if (left.length > 0) broken.push(`${name} has ${left.join(', ')} left`);
  }
  return broken;
}
