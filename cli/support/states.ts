import type { Api } from './api.ts';
import { count } from './drawing.ts';
import { printable, styled, table } from './output.ts';
import { awaitDelivery, isFailed } from './receipt.ts';

/** A longer list would hide the successes. */
const MAX_NAMED = 20;

interface ManyStates {
  /** Number of recipients in each state. */
  states: Record<string, number>;
  failed: { phone_number: string; state: string; reason?: string | undefined }[];
  table: string;
}

/** A summary of several messages: counts per state, and the recipients who will not get one. After an interruption what is known. */
export async function followMany(
  api: Api,
  ids: readonly string[],
  waitMs: number,
  signal: AbortSignal,
): Promise<ManyStates> {
  const endMs = performance.now() + waitMs;
  const states: Record<string, number> = {};
  const failed: ManyStates['failed'] = [];
  for (const id of ids) {
    if (signal.aborted) break;
    const { recipients } = await awaitDelivery(api, id, Math.max(0, endMs - performance.now()), signal);
    for (const recipient of recipients) {
      states[recipient.state] = (states[recipient.state] ?? 0) + 1;
      const { phone_number, state, reason } = recipient;
      if (isFailed(recipient)) failed.push({ phone_number, state, reason });
    }
  }
  const counted = Object.entries(states).map(([state, number]) => [state, count(number)]);
  const named = failed
    .slice(0, MAX_NAMED)
    .map(({ phone_number, state, reason }) => [styled('red', printable(phone_number)), `${state} (${reason ?? '-'})`]);
  const parts = [table(['STATE', 'RECIPIENTS'], counted)];
  if (named.length > 0) parts.push(table(['NOT TO', 'WHY'], named));
  if (failed.length > MAX_NAMED) parts.push(`and ${count(failed.length - MAX_NAMED)} more`);
  return { states, failed, table: parts.join('\n') };
}
