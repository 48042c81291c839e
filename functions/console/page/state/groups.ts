import { signal } from '@preact/signals';
import { listGroups, listMembers } from '../api/groups.ts';
import type { Failure } from '../api/request.ts';
import { pagedList } from './paged.ts';
import { place } from './view.ts';

/** Names. */
export const groups = pagedList<string>(async (_query, cursor, abort) => {
  const answer = await listGroups(cursor, abort);
  return answer.ok ? { ok: true, value: { items: answer.value.groups, cursor: answer.value.cursor } } : answer;
});

/** Members of the group that is shown, listed or not. */
export const groupSize = signal(0);

/** The query is the name of the group. One that does not exist is one without members. */
export const members = pagedList<string>(async (name, cursor, abort) => {
  const answer = await listMembers(name, cursor, abort);
  if (!answer.ok && answer.failure.kind !== 'refused') return answer;
  groupSize.value = answer.ok ? answer.value.size : 0;
  return {
    ok: true,
    value: { items: answer.ok ? answer.value.members : [], cursor: answer.ok ? answer.value.cursor : null },
  };
});

export async function refreshGroups(): Promise<Failure | undefined> {
  const { id } = place.value;
  const [list, one] = await Promise.all([groups.refresh(''), id === undefined ? undefined : members.refresh(id)]);
  return list ?? one;
}
