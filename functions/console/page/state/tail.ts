import { computed, signal } from '@preact/signals';
import type { Failure } from '../api/request.ts';
import { readTail, type TailLine } from '../api/tail.ts';

export const KINDS = ['connections', 'deliveries', 'refusals'] as const;
type Kind = (typeof KINDS)[number];

const KIND_OF: Readonly<Record<string, Kind>> = {
  connected: 'connections',
  disconnected: 'connections',
  lost: 'connections',
  delivered: 'deliveries',
  refused: 'refusals',
  verify_refused: 'refusals',
};

/** Lines that are kept: the newest. */
const KEPT = 300;

/** Only what concerns this user; empty: everyone. */
export const followed = signal('');
export const kinds = signal<ReadonlySet<Kind>>(new Set(KINDS));
export const isPaused = signal(false);
/** Lines that were too many to be shown. */
export const skipped = signal(0);

export interface NumberedLine extends TailLine {
  readonly number: number;
}

const lines = signal<readonly NumberedLine[]>([]);

/** The newest first. */
export const shownLines = computed(() =>
  lines.value.filter(({ type }) => {
    const kind = KIND_OF[type];
    return kind === undefined || kinds.value.has(kind);
  }),
);

let position: { user: string; cursor: string } | undefined;
let count = 0;

/** While it is paused nothing is asked: what happens meanwhile is not shown later either. */
export async function refreshTail(): Promise<Failure | undefined> {
  if (isPaused.value) {
    position = undefined;
    return undefined;
  }
  const user = followed.value.trim();
  const from = position?.user === user ? position.cursor : undefined;
  const answer = await readTail(user, from);
  if (!answer.ok) return answer.failure;
  if (user !== followed.value.trim() || isPaused.value) return undefined;
  position = { user, cursor: answer.value.cursor };
  const received = answer.value.lines;
  skipped.value += answer.value.skipped + received.reduce((sum, line) => sum + (line.count ?? 0), 0);
  const added = received.filter(({ type }) => type !== 'skipped').map((line) => ({ ...line, number: count++ }));
  if (added.length > 0) lines.value = [...added.toReversed(), ...lines.value].slice(0, KEPT);
  return undefined;
}

/** The view is left, or another user is followed. */
export function leaveTail(): void {
  position = undefined;
}

export function clearTail(): void {
  lines.value = [];
  skipped.value = 0;
}

export function forgetTail(): void {
  leaveTail();
  clearTail();
  followed.value = '';
}
