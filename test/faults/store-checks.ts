import type { RedisPort } from '../../contract/redis.ts';
import { type RecipientReceipt, readReceipt } from '../../contract/scripts/receipts.ts';
import type { Seen } from './checks.ts';
import type { World } from './world.ts';

/** Receipts say what the receivers saw. */
export async function checkReceipts({ history, forms, firsts }: Seen, world: World): Promise<string[]> {
  const broken: string[] = [];
  // readReceipt issues one command, HGETALL.
  const port = {
    command: async (_name: string, key: string) => Object.entries(await world.admin.hgetall(key)).flat(),
  } as unknown as RedisPort;
  for (const send of history.sends) {
    if (!send.receipt || send.id === undefined || send.to === 'everyone') continue;
    const receipt = await readReceipt(port, world.keys, send.id);
    if (receipt === undefined) {
      broken.push(`${send.content} has no receipt`);
      continue;
    }
    for (const user of send.to) {
      const about = receipt.recipients.find(({ userId }) => userId === user);
      const isSeen = firsts.get(user)?.has(send.content) ?? false;
      const isAcknowledged = history.acknowledged.has(`${user} ${send.id}`);
      const problem = judgeReceipt(about, { isAck: forms.get(user) === 'ack', isSeen, isAcknowledged });
      if (problem)
        broken.push(`receipt of ${send.content} for ${user} (${forms.get(user)}) ${problem}: ${JSON.stringify(about)}`);
    }
  }
  return broken;
}

function judgeReceipt(
  receipt: RecipientReceipt | undefined,
  user: { isAck: boolean; isSeen: boolean; isAcknowledged: boolean },
): string | undefined {
  if (receipt === undefined) return 'is missing';
  if (user.isAck && receipt.state !== 'acknowledged') return 'is not acknowledged at the end';
  if (receipt.state === 'acknowledged' && !user.isAcknowledged) return 'is acknowledged, and nobody did';
  if (!user.isAck && receipt.state !== 'written') return 'is not written at the end';
  return undefined;
}

interface LifecycleEvent {
  readonly type: string;
  readonly user: string;
  readonly epoch: number;
  readonly gateway: string;
}

/** Each session exactly one connected, then exactly one of disconnected and lost, in the order of epochs. */
export async function checkEvents(world: World): Promise<string[]> {
  const entries = await world.admin.xrange(world.keys.events, '-', '+');
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

export async function checkLeftovers(world: World, live: readonly string[]): Promise<string[]> {
  const prefix = world.keys.prefix;
  const names = (await world.admin.keys(`${prefix}*`)).map((name) => name.slice(prefix.length));
  const ofLive = live.flatMap((id) => [`gateway:${id}`, `inbox:${id}`, `sessions:${id}`]);
  const broken: string[] = [];
  for (const name of names) {
    if (LASTING.includes(name) || ofLive.includes(name) || name.startsWith('user:')) continue;
    const ttl = await world.admin.ttl(`${prefix}${name}`);
    if (ttl === -1) broken.push(`key ${name} is left`);
  }
  for (const id of live) {
    const entries = await world.admin.xlen(world.keys.inbox(id));
    if (entries > 0) broken.push(`inbox of ${id} has ${entries} entries left`);
  }
  for (const name of names.filter((one) => one.startsWith('user:'))) {
    const fields = await world.admin.hkeys(`${prefix}${name}`);
    const left = fields.filter((field) => ['gateway', 'owing', 'form'].includes(field));
    if (left.length > 0) broken.push(`${name} has ${left.join(', ')} left`);
  }
  return broken;
}
