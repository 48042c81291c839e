import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { commandAnswer } from '../../functions/commands/schema.ts';
import { growingPause } from '../../shared/time/growing-pause.ts';
import type { Api } from './api.ts';
import { count } from './drawing.ts';
import { printable, styled, table, time } from './output.ts';

export type ReceiptAnswer = z.infer<typeof commandAnswer>;
type Recipient = ReceiptAnswer['recipients'][number];

const POLL_MIN_MS = 50;
const POLL_MAX_MS = 1_000;

/** Pages of a broadcast's receipt that are read: some 10,000 recipients. */
const MAX_PAGES = 20;

/** `cursor`: of the next page of a large receipt. */
export function readReceipt(api: Api, id: string, cursor?: string): Promise<ReceiptAnswer> {
  const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
  const ifMissing = 'Only what was sent with --receipt is kept, until a day after its time: is the id whole?';
  return api.call('GET', `/commands/${encodeURIComponent(id)}${query}`, commandAnswer, { ifMissing });
}

/** Reads the pages of a broadcast's receipt. Of a send to a group the first is enough: it counts all members. */
async function readPages(api: Api, id: string): Promise<ReceiptAnswer> {
  let receipt = await readReceipt(api, id);
  const recipients = new Map<string, Recipient>();
  for (let page = 1; ; page += 1) {
    for (const recipient of receipt.recipients) recipients.set(recipient.phone_number, recipient);
    if (!receipt.cursor || receipt.group !== undefined || page === MAX_PAGES) break;
    receipt = await readReceipt(api, id, receipt.cursor);
  }
  return { ...receipt, recipients: [...recipients.values()] };
}

/** A client with `ack` acknowledges at once; for other clients `written` is the last state. */
const ACKNOWLEDGE_MS = 300;

/** Polls with growing pauses until every recipient has a final state, the time is over, or `signal` aborts. */
export async function awaitDelivery(
  api: Api,
  id: string,
  waitMs: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<ReceiptAnswer> {
  const until = { endMs: performance.now() + waitMs, signal };
  const receipt = await lookUntil(api, id, until, ['scheduled', 'routed', 'stored']);
  const endMs = Math.min(until.endMs, performance.now() + ACKNOWLEDGE_MS);
  return lookUntil(api, id, { endMs, signal }, ['written'], receipt);
}

/** Polls until no recipient is in one of these states. */
async function lookUntil(
  api: Api,
  id: string,
  { endMs, signal }: { endMs: number; signal: AbortSignal },
  passing: readonly Recipient['state'][],
  known?: ReceiptAnswer,
): Promise<ReceiptAnswer> {
  const pause = growingPause(POLL_MIN_MS, POLL_MAX_MS);
  let receipt = known ?? (await readPages(api, id));
  while (countIn(receipt, passing) > 0 && performance.now() < endMs) {
    await delay(Math.min(pause.next(), Math.max(0, endMs - performance.now())), undefined, { signal }).catch(
      () => undefined,
    );
    if (signal.aborted) break;
    receipt = await readPages(api, id);
  }
  return receipt;
}

/** The number of recipients in one of these states. Members of a group whom the send has not reached yet count, too. */
function countIn({ recipients, members, states }: ReceiptAnswer, passing: readonly Recipient['state'][]): number {
  if (members === undefined) return recipients.filter(({ state }) => passing.includes(state)).length;
  const counts = Object.entries(states ?? {}) as [Recipient['state'], number][];
  const total = (of: typeof counts) => of.reduce((sum, [, count]) => sum + count, 0);
  return members - total(counts.filter(([state]) => !passing.includes(state)));
}

/** The ends of a message that its recipient will not get. */
const FAILED: readonly Recipient['state'][] = ['failed', 'expired', 'replaced', 'cancelled'];

export function isFailed({ state }: Pick<Recipient, 'state'>): boolean {
  return FAILED.includes(state);
}

/** Whether a recipient will not get the message. */
export function hasFailed({ recipients, states = {} }: ReceiptAnswer): boolean {
  return recipients.some(isFailed) || FAILED.some((state) => (states[state] ?? 0) > 0);
}

export function receiptText(receipt: ReceiptAnswer): string {
  const { group, members, states = {}, recipients } = receipt;
  const to = group === undefined ? '' : ` to the group ${group}`;
  const heading = `Command ${receipt.command_id}, message ${receipt.id}, from ${printable(receipt.from)}${to}, ${time(receipt.accepted_at)}`;
  const parts = [heading];
  if (members !== undefined) {
    const counted = Object.entries(states).map(([state, number]) => `${state} ${count(number)}`);
    parts.push(`Members ${count(members)}: ${counted.join(', ') || 'none reached yet'}`);
  }
  if (recipients.length > 0) parts.push(table(['TO', 'STATE', 'SINCE'], recipients.map(rowOf)));
  else if (members === undefined) parts.push('Nobody has it yet.');
  if (receipt.cursor) parts.push(`There are more: fronttcp commands show ${receipt.id} --cursor ${receipt.cursor}`);
  return parts.join('\n');
}

function rowOf(recipient: Recipient): string[] {
  const { phone_number, state, reason, reply, steps } = recipient;
  const what = reason === undefined ? state : `${state} (${reason})`;
  const replyText = reply === undefined ? '' : ` ${printable(JSON.stringify(reply))}`;
  return [
    printable(phone_number),
    styled(isFailed(recipient) ? 'red' : 'green', what) + replyText,
    time(steps.at(-1)?.at ?? null),
  ];
}
