import { effect, untracked } from '@preact/signals';
import { hasMoreRecipients, type Receipt, readReceipt } from '../api/commands.ts';
import type { Failure } from '../api/request.ts';
import { type Poll, startPoll } from './poll.ts';
import { type Send, sends, updateSend } from './sends.ts';
import { session } from './session.ts';

const PAUSE_MS = 1_500;
/** A message that is not delivered by then waits for an offline user: that may take days. */
const SOON_MS = 30_000;
const LATER_PAUSE_MS = 10_000;
/** A plain client never acknowledges: `written` is taken for the end after this long. */
const ACKNOWLEDGE_WITHIN_MS = 60_000;
/** Who is away may come back days later: the page looks on its own this long, then only when asked. */
const FOLLOWED_MS = 600_000;

const LAST_STATES = ['acknowledged', 'replied', 'expired', 'replaced', 'cancelled', 'failed'];

/** Follows messages with a receipt until their last step. */
export function startReceipts(): void {
  let poll: Poll | undefined;
  effect(() => {
    const isNeeded = session.value !== undefined && sends.value.some(isOpen);
    if (isNeeded && !poll) poll = untracked(() => startPoll(readOpen, pauseMs));
    if (!isNeeded) {
      poll?.stop();
      poll = undefined;
    }
  });
}

function pauseMs(): number {
  const isFresh = sends.peek().some((send) => isOpen(send) && Date.now() - send.atMs < SOON_MS);
  return isFresh ? PAUSE_MS : LATER_PAUSE_MS;
}

export async function refreshReceipt(send: Send): Promise<Failure | undefined> {
  if (send.state.kind !== 'accepted') return undefined;
  const answer = await readReceipt(send.state.sent.id);
  if (!answer.ok) return answer.failure;
  updateSend(send.key, { receipt: answer.value });
  return undefined;
}

/** Whether its receipt can still change soon. */
export function isOpen(send: Send): boolean {
  if (send.command.receipt !== true || send.state.kind !== 'accepted') return false;
  const ageMs = Date.now() - send.atMs;
  if (ageMs > FOLLOWED_MS) return false;
  if (isAwaited(send)) return ageMs <= ACKNOWLEDGE_WITHIN_MS;
  return Object.keys(countsOf(send.receipt)).some(
    (state) => !isLast(send, state) && (isAsking(send) || state !== 'written' || ageMs <= ACKNOWLEDGE_WITHIN_MS),
  );
}

/** Whether anything more is to come for any of its recipients, however late. */
export function canChange(send: Send): boolean {
  return send.receipt === undefined || Object.keys(countsOf(send.receipt)).some((state) => !isLast(send, state));
}

/** Recipients in each state. */
export function countsOf(receipt: Receipt | undefined): Readonly<Record<string, number>> {
  if (receipt?.states) return receipt.states;
  const counts: Record<string, number> = {};
  for (const { state } of receipt?.recipients ?? []) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export function sumOf(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce<number>((sum, n) => sum + (n ?? 0), 0);
}

function isAsking({ command }: Send): boolean {
  return command.wait === 'reply';
}

/** A reply comes after the acknowledgement. */
function isLast(send: Send, state: string): boolean {
  return LAST_STATES.includes(state) && !(isAsking(send) && state === 'acknowledged');
}

/** Whether it names fewer recipients than were counted: of a broadcast it names those that it has reached. */
export function isAwaited({ state, receipt }: Send): boolean {
  if (state.kind !== 'accepted') return false;
  if (receipt === undefined) return true;
  return !hasMoreRecipients(receipt) && sumOf(countsOf(receipt)) < sumOf(state.sent.recipients);
}

/** A refusal ends nothing here: the receipt may be gone by now, and the others are still read. */
async function readOpen(): Promise<Failure | undefined> {
  const failures = await Promise.all(sends.value.filter(isOpen).map(refreshReceipt));
  const failure = failures.find((one) => one !== undefined && one.kind !== 'refused');
  // Re-evaluates the effect above also when only time has passed.
  sends.value = [...sends.value];
  return failure;
}
