import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

const markScript = defineScript('mark', ALLOW_FULL, readLua(new URL('./mark.lua', import.meta.url)));

export type DeliveryState =
  | 'scheduled'
  | 'stored'
  | 'routed'
  | 'written'
  | 'acknowledged'
  | 'replied'
  | 'expired'
  | 'replaced'
  | 'cancelled'
  | 'failed';

export interface DeliveryStep {
  messageId: string;
  userId: string;
  state: DeliveryState;
  reason?: string;
}

/** Writes steps into the receipts of messages that asked for one; others are passed over. */
export async function markDelivery(redis: RedisPort, keys: Keys, steps: readonly DeliveryStep[]): Promise<void> {
  const args: RedisArgument[] = [keys.prefix];
  for (const { messageId, userId, state, reason } of steps) args.push(messageId, userId, state, reason ?? '');
  await redis.script(markScript, [keys.users], args);
}

export interface RecipientReceipt {
  userId: string;
  state: DeliveryState;
  reason?: string;
  steps: { state: DeliveryState; atMs: number }[];
}

export interface Receipt {
  acceptedAtMs: number;
  commandId: number;
  from: string;
  recipients: RecipientReceipt[];
}

/** The receipt of a message, or undefined where none was asked for, or its time is over. */
export async function readReceipt(redis: RedisPort, keys: Keys, messageId: string): Promise<Receipt | undefined> {
  const flat = (await redis.command('HGETALL', keys.receipt(messageId))) as string[];
  if (flat.length === 0) return undefined;
  const receipt: Receipt = { acceptedAtMs: 0, commandId: 0, from: '', recipients: [] };
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = String(flat[i]);
    const value = String(flat[i + 1]);
    if (field === 'm:accepted_at') receipt.acceptedAtMs = Number(value);
    else if (field === 'm:command_id') receipt.commandId = Number(value);
    else if (field === 'm:from') receipt.from = value;
    else if (field.startsWith('u:')) receipt.recipients.push(parseSteps(field.slice(2), value));
  }
  receipt.recipients.sort((a, b) => (a.userId < b.userId ? -1 : 1));
  return receipt;
}

/** How far a state is: an acknowledgement may be noted before the write that it answers, a re-routing after it. */
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
