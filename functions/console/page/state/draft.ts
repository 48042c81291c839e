import { computed, signal } from '@preact/signals';
import type { Command } from '../api/operator.ts';

export const audience = signal<'chosen' | 'everyone'>('chosen');
/** In the order in which they were chosen. */
export const chosen = signal<ReadonlySet<string>>(new Set());
export const content = signal('');
/** Seconds to keep it for those who are away; undefined: as long as the deployment says. */
export const ttlSeconds = signal<number | undefined>(undefined);
export const wantsReceipt = signal(true);

export type DraftProblem = 'noRecipient' | 'noContent';

export const problem = computed<DraftProblem | undefined>(() => {
  if (audience.value === 'chosen' && chosen.value.size === 0) return 'noRecipient';
  return content.value.trim() === '' ? 'noContent' : undefined;
});

export const commandId = computed<Command['command_id']>(() => {
  if (audience.value === 'everyone') return 104;
  return chosen.value.size > 1 ? 103 : 102;
});

export function setChosen(ids: Iterable<string>, isChosen: boolean): void {
  const next = new Set(chosen.value);
  for (const id of ids) {
    if (isChosen) next.add(id);
    else next.delete(id);
  }
  chosen.value = next;
}

export function clearDraft(): void {
  audience.value = 'chosen';
  chosen.value = new Set();
  content.value = '';
  ttlSeconds.value = undefined;
  wantsReceipt.value = true;
}

/** What the draft says, as the API takes it. A broadcast is for those connected now, so it is not kept for anyone. */
export function draftCommand(): Command {
  const ids = [...chosen.value];
  return {
    command_id: commandId.value,
    ...(audience.value === 'everyone' ? {} : { chat_to: ids.length === 1 ? (ids[0] ?? '') : ids }),
    content: content.value,
    ...(audience.value === 'everyone' || ttlSeconds.value === undefined ? {} : { ttl_s: ttlSeconds.value }),
    ...(wantsReceipt.value ? { receipt: true } : {}),
  };
}
