import { computed, signal } from '@preact/signals';
import { isJsonObject, parseJsonExactly } from '../../../../shared/raw-json.ts';
import type { Command } from '../api/commands.ts';

/** As many as a message may name, unless the deployment says otherwise (MAX_RECIPIENTS). */
export const MAX_CHOSEN = 1_000;

export const AUDIENCES = ['chosen', 'group', 'everyone'] as const;
export const audience = signal<(typeof AUDIENCES)[number]>('chosen');
export const group = signal('');
/** In the order in which they were chosen. */
export const chosen = signal<ReadonlySet<string>>(new Set());
/** A chat text, or an application message: a number and an object that the device's own program understands. */
export const form = signal<'text' | 'application'>('text');
export const content = signal('');
export const applicationId = signal('2001');
/** JSON, as it is typed. */
export const applicationContent = signal('');
/** Seconds to keep it for offline users; undefined: the deployment's default. */
export const ttlSeconds = signal<number | undefined>(undefined);
/** When it is to be delivered, as a `datetime-local` field has it; empty: now. */
export const dueAt = signal('');
/** Of commands with this key that wait for the same recipient only the newest is delivered. */
export const replaces = signal('');
export const wantsReceipt = signal(true);
/** Ask the one recipient, and show the reply. */
export const wantsReply = signal(false);

/** Below the 29 s after which API Gateway ends a call. */
const REPLY_WITHIN_SECONDS = 20;

type DraftProblem =
  | 'noRecipient'
  | 'noGroup'
  | 'notDue'
  | 'noContent'
  | 'applicationEveryone'
  | 'applicationId'
  | 'applicationContent';

/** A broadcast is for those connected now. */
export const isScheduled = computed(() => audience.value !== 'everyone' && dueAt.value !== '');

/** Unix seconds; NaN: no time. */
function notBefore(): number {
  return Math.floor(new Date(dueAt.value).getTime() / 1000);
}

export const problem = computed<DraftProblem | undefined>(() => {
  const isApplication = form.value === 'application';
  if (isApplication && audience.value === 'everyone') return 'applicationEveryone';
  if (audience.value === 'chosen' && chosen.value.size === 0) return 'noRecipient';
  if (audience.value === 'group' && !/^[\w.:-]{1,128}$/.test(group.value.trim())) return 'noGroup';
  if (isScheduled.value && !(notBefore() > Date.now() / 1000)) return 'notDue';
  if (!isApplication) return content.value.trim() === '' ? 'noContent' : undefined;
  if (!/^2\d{3}$/.test(applicationId.value.trim())) return 'applicationId';
  return objectOf(applicationContent.value) ? undefined : 'applicationContent';
});

export const commandId = computed<Command['command_id']>(() => {
  if (form.value === 'application') return Number(applicationId.value);
  if (audience.value === 'everyone') return 104;
  return audience.value === 'group' || chosen.value.size > 1 ? 103 : 102;
});

/** A reply is awaited of one recipient alone. */
export const canAsk = computed(() => audience.value === 'chosen' && chosen.value.size === 1 && !isScheduled.value);

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
  applicationContent.value = '';
  form.value = 'text';
  ttlSeconds.value = undefined;
  group.value = '';
  dueAt.value = '';
  replaces.value = '';
  wantsReceipt.value = true;
  wantsReply.value = false;
}

/** The number of an application message stays: the next one is likely of the same kind. */
export function clearContent(): void {
  if (form.value === 'text') content.value = '';
  else applicationContent.value = '';
}

/** What the draft says, as the API takes it. A broadcast is for those connected now, so it is not kept for anyone. */
export function draftCommand(): Command {
  const isEveryone = audience.value === 'everyone';
  const key = replaces.value.trim();
  const asks = canAsk.value && wantsReply.value;
  return {
    command_id: commandId.value,
    ...(isEveryone ? {} : { chat_to: draftTo() }),
    content: form.value === 'text' ? content.value : (objectOf(applicationContent.value) ?? {}),
    ...(isEveryone || ttlSeconds.value === undefined ? {} : { ttl_s: ttlSeconds.value }),
    ...(isScheduled.value ? { not_before: notBefore() } : {}),
    ...(isEveryone || key === '' ? {} : { replaces: key }),
    ...(wantsReceipt.value || asks ? { receipt: true } : {}),
    ...(asks ? { wait: 'reply', timeout_s: REPLY_WITHIN_SECONDS } : {}),
  };
}

function draftTo(): NonNullable<Command['chat_to']> {
  if (audience.value === 'group') return { group: group.value.trim() };
  const ids = [...chosen.value];
  return ids.length === 1 ? (ids[0] ?? '') : ids;
}

function objectOf(json: string): object | undefined {
  try {
    const value = parseJsonExactly(json);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
