import { signal } from '@preact/signals';
import { listMembers } from '../api/groups.ts';
import { group } from './draft.ts';

/** Members of the group that the draft is for; undefined: there is none, or it is not known yet. */
export const groupMembers = signal<number | undefined>(undefined);

let running: AbortController | undefined;

/** What is typed is looked up once it rests; a name that is none has no members. */
export async function readGroupMembers(): Promise<void> {
  running?.abort();
  const own = new AbortController();
  running = own;
  groupMembers.value = undefined;
  const name = group.value.trim();
  if (name === '') return;
  const answer = await listMembers(name, undefined, own.signal);
  if (!own.signal.aborted) groupMembers.value = answer.ok ? answer.value.size : undefined;
}
