import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { commandAnswer } from '../../functions/commands/schema.ts';
import type { Api } from './api.ts';
import { printable, styled, table, time } from './output.ts';

export type ReceiptAnswer = z.infer<typeof commandAnswer>;
type Recipient = ReceiptAnswer['recipients'][number];

const POLL_MIN_MS = 50;
const POLL_MAX_MS = 1_000;

export function readReceipt(api: Api, id: string): Promise<ReceiptAnswer> {
  const ifMissing = 'Only what was sent with --receipt is kept, until a day after its time: is the id whole?';
  return api.call('GET', `/commands/${encodeURIComponent(id)}`, commandAnswer, { ifMissing });
}

/** A client with `ack` acknowledges at once; for other clients `written` is the last state. */
const ACKNOWLEDGE_MS = 300;

/** Polls with growing pauses until every recipient has a final state, or the time is over. */
export async function awaitDelivery(api: Api, id: string, waitMs: number): Promise<ReceiptAnswer> {
  const endMs = performance.now() + waitMs;
  const receipt = await lookUntil(api, id, endMs, ['routed', 'stored']);
  return lookUntil(api, id, Math.min(endMs, performance.now() + ACKNOWLEDGE_MS), ['written'], receipt);
}

/** Polls until no recipient is in one of these states. */
async function lookUntil(
  api: Api,
  id: string,
  endMs: number,
  passing: readonly Recipient['state'][],
  known?: ReceiptAnswer,
): Promise<ReceiptAnswer> {
  let pauseMs = POLL_MIN_MS;
  let receipt = known ?? (await readReceipt(api, id));
  while (receipt.recipients.some(({ state }) => passing.includes(state)) && performance.now() < endMs) {
    await delay(Math.min(pauseMs, Math.max(0, endMs - performance.now())));
    pauseMs = Math.min(POLL_MAX_MS, pauseMs * 2);
    receipt = await readReceipt(api, id);
  }
  return receipt;
}

export function isFailed({ state }: Recipient): boolean {
  return state === 'failed' || state === 'expired';
}

export function receiptText(receipt: ReceiptAnswer): string {
  const rows = receipt.recipients.map((recipient) => {
    const { phone_number, state, reason, steps } = recipient;
    const what = reason === undefined ? state : `${state} (${reason})`;
    return [
      printable(phone_number),
      styled(isFailed(recipient) ? 'red' : 'green', what),
      time(steps.at(-1)?.at ?? null),
    ];
  });
  const heading = `Command ${receipt.command_id}, message ${receipt.id}, from ${printable(receipt.from)}, ${time(receipt.accepted_at)}`;
  return rows.length === 0 ? `${heading}\nNobody has it yet.` : `${heading}\n${table(['TO', 'STATE', 'SINCE'], rows)}`;
}
