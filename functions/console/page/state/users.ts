import { signal } from '@preact/signals';
import { listUsers, type User } from '../api/operator.ts';
import type { Failure } from '../api/request.ts';

export interface UserPages {
  users: readonly User[];
  /** Where the next page begins; undefined: that is all. */
  cursor: string | undefined;
  pages: number;
  /** The search that these are the answer to. */
  query: string;
}

export const query = signal('');
export const onlineOnly = signal(false);
/** Undefined until the first answer. */
export const userPages = signal<UserPages | undefined>(undefined);
export const isLoadingMore = signal(false);

let running: AbortController | undefined;

/** Reads every page that is shown anew. A search that was changed meanwhile ends an older reading. */
export async function refreshUsers(): Promise<Failure | undefined> {
  const wanted = query.value;
  const known = userPages.value;
  return readPages(wanted, known?.query === wanted ? known.pages : 1);
}

export async function loadMoreUsers(): Promise<Failure | undefined> {
  const known = userPages.value;
  if (known?.cursor === undefined) return undefined;
  isLoadingMore.value = true;
  const failure = await readPages(known.query, known.pages + 1);
  isLoadingMore.value = false;
  return failure;
}

export function forgetUsers(): void {
  running?.abort();
  userPages.value = undefined;
}

async function readPages(wanted: string, pages: number): Promise<Failure | undefined> {
  running?.abort();
  const own = new AbortController();
  running = own;
  const users: User[] = [];
  let cursor: string | undefined;
  let read = 0;
  do {
    const answer = await listUsers(wanted, cursor, own.signal);
    if (own.signal.aborted) return undefined;
    if (!answer.ok) return answer.failure;
    users.push(...answer.value.users);
    cursor = answer.value.cursor ?? undefined;
    read += 1;
  } while (cursor !== undefined && read < pages);
  userPages.value = { users, cursor, pages: read, query: wanted };
  return undefined;
}
