import { signal } from '@preact/signals';
import { type Command, type Receipt, type Sent, sendCommand } from '../api/commands.ts';
import type { Failure } from '../api/request.ts';
import { clearContent, draftCommand } from './draft.ts';

export type SendState =
  | { kind: 'sending' }
  | { kind: 'accepted'; sent: Sent }
  /** Judged and turned down: to send it again would not help. */
  | { kind: 'refused'; message: string }
  /** Sent, but the reply that was asked for cannot come. */
  | { kind: 'no-reply'; message: string }
  /** Perhaps taken, perhaps not: a retry with the same key is safe. */
  | { kind: 'unanswered'; failure: Failure; retryAtMs: number };

export interface Send {
  /** Its idempotency key: one for all attempts. */
  key: string;
  command: Command;
  atMs: number;
  state: SendState;
  receipt?: Receipt;
}

const KEPT = 50;

/** Newest first. */
export const sends = signal<readonly Send[]>([]);

/**
 * Sends the draft; one that is the same as an unanswered send is a retry of it. Sends nothing while the same draft is being
 * sent: a double click must not deliver it twice.
 */
export async function sendDraft(): Promise<Send | undefined> {
  const command = draftCommand();
  const text = JSON.stringify(command);
  const same = sends.value.find(({ state, command }) => isUndecided(state) && JSON.stringify(command) === text);
  if (same) return same.state.kind === 'sending' ? same : attempt(same.key);
  const send: Send = { key: newKey(), command, atMs: Date.now(), state: { kind: 'sending' } };
  sends.value = [send, ...sends.value].slice(0, KEPT);
  return attempt(send.key);
}

export function retrySend(key: string): Promise<Send | undefined> {
  return attempt(key);
}

/** What the device replied: in time, or later, as its receipt says. */
export function replyOf({ state, receipt }: Send): { value: unknown } | undefined {
  if (state.kind === 'accepted' && state.sent.outcome === 'replied') return { value: state.sent.reply };
  const replied = receipt?.recipients.find(({ state }) => state === 'replied');
  return replied && { value: replied.reply };
}

/** One that is being sent stays until it is known what became of it. */
export function clearSends(): void {
  sends.value = sends.value.filter((send) => send.state.kind === 'sending');
}

export function forgetSends(): void {
  sends.value = [];
}

export function updateSend(key: string, change: Partial<Send>): Send | undefined {
  sends.value = sends.value.map((send) => (send.key === key ? { ...send, ...change } : send));
  return sends.value.find((send) => send.key === key);
}

async function attempt(key: string): Promise<Send | undefined> {
  const send = updateSend(key, { state: { kind: 'sending' } });
  if (!send) return undefined;
  const answer = await sendCommand(send.command, key);
  const wasSent = answer.ok || (answer.failure.kind === 'refused' && answer.failure.id !== undefined);
  // What was written meanwhile stays.
  if (wasSent && JSON.stringify(draftCommand().content) === JSON.stringify(send.command.content)) clearContent();
  return updateSend(key, { state: answer.ok ? { kind: 'accepted', sent: answer.value } : stateAfter(answer.failure) });
}

function isUndecided({ kind }: SendState): boolean {
  return kind === 'sending' || kind === 'unanswered';
}

function stateAfter(failure: Failure): SendState {
  if (failure.kind === 'refused') {
    return { kind: failure.id === undefined ? 'refused' : 'no-reply', message: failure.message };
  }
  const waitSeconds = 'retryAfterSeconds' in failure ? failure.retryAfterSeconds : 0;
  return { kind: 'unanswered', failure, retryAtMs: Date.now() + waitSeconds * 1000 };
}

/** Not crypto.randomUUID: over plain HTTP, as on a phone in the same network, browsers do not have it. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
