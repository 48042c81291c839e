import { signal } from '@preact/signals';
import { listUsers, type User } from '../api/users.ts';
import { pagedList } from './paged.ts';

export const query = signal('');
export const onlineOnly = signal(false);

export const users = pagedList<User>(async (q, cursor, abort) => {
  const answer = await listUsers(q, cursor, abort);
  return answer.ok ? { ok: true, value: { items: answer.value.users, cursor: answer.value.cursor } } : answer;
});
