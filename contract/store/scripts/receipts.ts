import { pairsOf } from '../../../shared/redis/flat.ts';
import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { listOf, numberOf, textOrNone, textsOf, tupleOf } from '../redis-reply.ts';

export const DELIVERY_STATES = [
  'scheduled',
  'stored',
  'routed',
  'written',
  'acknowledged',
  'replied',
  'expired',
  'replaced',
  'cancelled',
  'failed',
] as const;
type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface DeliveryStep {
  messageId: string;
  userId: string;
  state: DeliveryState;
  reason?: string;
}

export interface RecipientReceipt {
  userId: string;
  state: DeliveryState;
  reason?: string;
  /** JSON text of the reply, where there is one. */
  reply?: string;
  steps: { state: DeliveryState; atMs: number }[];
}

export interface Receipt {
  acceptedAtMs: number;
  commandId: number;
  from: string;
  /** For a send to a group: the number of members in each state, and one page of them. */
  group?: { name: string; members: number; states: Partial<Record<DeliveryState, number>> };
  recipients: RecipientReceipt[];
  /** When `recipients` is one page: where the next one begins; null: this was the last. */
  cursor?: string | null;
}

const HEAD = ['m:accepted_at', 'm:command_id', 'm:from', 'm:group', 'm:members'];
/** Approximate number of recipients in one page. */
const PAGE = 500;
/** A receipt with more fields, such as that of a broadcast to many, is returned in pages. The default of MAX_RECIPIENTS fits. */
const MAX_WHOLE_FIELDS = 1_020;

/** The receipt of a message, or undefined where none was requested or it has expired. `cursor`: that of the page before. */
export async function readReceipt(
  redis: RedisPort,
  keys: Keys,
  messageId: string,
  cursor = '0',
): Promise<Receipt | undefined> {
  const key = keys.receipt(messageId);
  const states = DELIVERY_STATES.map((state) => `c:${state}`);
  const [head, fields] = await redis.pipeline([
    ['HMGET', key, ...HEAD, ...states],
    ['HLEN', key],
  ]);
  const [acceptedAt, commandId, from, group, members, ...counts] = listOf(head).map(textOrNone);
  if (acceptedAt === undefined) return undefined;
  const receipt = { acceptedAtMs: Number(acceptedAt), commandId: Number(commandId), from: from ?? '' };
  if (group === undefined && numberOf(fields) <= MAX_WHOLE_FIELDS) {
    const flat = textsOf(await redis.command('HGETALL', key));
    return { ...receipt, recipients: recipientsIn(flat) };
  }
  const [next, flat] = tupleOf(await redis.command('HSCAN', key, cursor, 'COUNT', PAGE), 'text', 'texts');
  const page = { ...receipt, recipients: recipientsIn(flat), cursor: next === '0' ? null : next };
  if (group === undefined) return page;
  const inState = DELIVERY_STATES.flatMap((state, at) => (Number(counts[at]) > 0 ? [[state, Number(counts[at])]] : []));
  return { ...page, group: { name: group, members: Number(members), states: Object.fromEntries(inState) } };
}

function recipientsIn(flat: readonly string[]): RecipientReceipt[] {
  const recipients: RecipientReceipt[] = [];
  const replies = new Map<string, string>();
  for (const [field, value] of pairsOf(flat)) {
    if (field.startsWith('u:')) recipients.push(parseSteps(field.slice(2), value));
    else if (field.startsWith('r:')) replies.set(field.slice(2), value);
  }
  recipients.sort((a, b) => (a.userId < b.userId ? -1 : 1));
  return recipients.map((recipient) => {
    const reply = replies.get(recipient.userId);
    return reply === undefined ? recipient : { ...recipient, reply };
  });
}

/** The rank of each state: an acknowledgement may be recorded before the write that it refers to, a re-routing after it. */
const PROGRESS: Readonly<Record<DeliveryState, number>> = {
  scheduled: 0,
  routed: 1,
  stored: 1,
  written: 2,
  expired: 3,
  failed: 3,
  replaced: 3,
  cancelled: 3,
  acknowledged: 4,
  replied: 5,
};

/** `text` is the field of one recipient: `state ms[:reason] state ms …`. */
export function parseSteps(userId: string, text: string): RecipientReceipt {
  const words = text.split(' ');
  const steps: RecipientReceipt['steps'] = [];
  let state: DeliveryState | undefined;
  let reason: string | undefined;
  for (let i = 0; i + 1 < words.length; i += 2) {
    const step = words[i] as DeliveryState;
    const [atMs, why] = String(words[i + 1]).split(':');
    steps.push({ state: step, atMs: Number(atMs) });
    if (state !== undefined && PROGRESS[step] < PROGRESS[state]) continue;
    state = step;
    reason = why;
  }
  return { userId, state: state ?? 'failed', ...(reason === undefined ? {} : { reason }), steps };
}
