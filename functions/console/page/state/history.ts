import { signal } from '@preact/signals';
import { listCommands, type PastCommand } from '../api/commands.ts';
import type { Failure } from '../api/request.ts';
import { pagedList } from './paged.ts';
import { session } from './session.ts';

export const sender = signal<'anyone' | 'me'>('anyone');
/** The recipient that is searched for, whole. */
export const recipient = signal('');

export const history = pagedList<PastCommand>(async (query, before, abort) => {
  const { from, to }: { from?: string; to?: string } = JSON.parse(query);
  const answer = await listCommands({ from, to, before, limit: '30' }, abort);
  return answer.ok ? { ok: true, value: { items: answer.value.commands, cursor: answer.value.cursor } } : answer;
});

export function refreshHistory(): Promise<Failure | undefined> {
  const from = sender.value === 'me' ? session.value?.userId : undefined;
  return history.refresh(JSON.stringify({ from, to: recipient.value.trim() || undefined }));
}
