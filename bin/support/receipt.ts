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
  return api.call('GET', `/commands/${encodeURIComponent(id)}`, commandAnswer);
}

/** Looks, ever less often, until nothing is under way to any recipient, or the time is over. */
export async function awaitDelivery(api: Api, id: string, waitMs: number): Promise<ReceiptAnswer> {
  const end = performance.now() + waitMs;
  let pauseMs = POLL_MIN_MS;
  let receipt = await readReceipt(api, id);
  while (receipt.recipients.some(isUnderWay) && performance.now() < end) {
    await delay(Math.min(pauseMs, Math.max(0, end - performance.now())));
    pauseMs = Math.min(POLL_MAX_MS, pauseMs * 2);
    receipt = await readReceipt(api, id);
  }
  return receipt;
}

/** It may get further by itself. What was written to a plain client stays so; one that acknowledges does it at once. */
function isUnderWay({ state }: Recipient): boolean {
  return state === 'routed' || state === 'stored';
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
