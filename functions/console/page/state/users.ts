import { signal } from '@preact/signals';
import type { Failure } from '../api/request.ts';
import { listUsers, type User } from '../api/users.ts';

/** Text inside of the ids. */
export const query = signal('');
export const onlineOnly = signal(false);

/** What is known of a list that may be far too long to be read: the rows about those on the screen. */
export interface UserList {
  readonly search: string;
  /** Rows that the list has, known or not. */
  readonly count: number;
  /** By their place. */
  readonly rows: ReadonlyMap<number, User>;
  /** Of a search: where it goes on; undefined: it has seen everybody. */
  readonly cursor: string | undefined;
}

/** Undefined until the first answer. */
export const users = signal<UserList | undefined>(undefined);
export const isSearching = signal(false);

/** Rows that are read beside those on the screen. */
const MARGIN = 15;
/** Rows that are kept beside those on the screen. */
const KEPT = 200;
const SEARCH_PAGE = 60;
/** Each looks at up to 20,000 users; then the user decides. */
const SEARCHES_AT_A_TIME = 5;
const SCROLL_PAUSE_MS = 60;

let visible = { from: 0, to: 20, stopAt: 0 };
let running: { own: AbortController; search: string } | undefined;
let pause: number | undefined;

const searchOf = () => JSON.stringify([query.value, onlineOnly.value]);
const isSearch = () => query.value !== '' || onlineOnly.value;

/** The rows from `from` up to `to` are on the screen. The unknown ones of them are read; known ones from `stopAt` on are kept. */
export function showRows(from: number, to: number, stopAt: number): void {
  visible = { from, to, stopAt };
  const list = users.value;
  if (!list || list.search !== searchOf() || !needsMore(list)) return;
  window.clearTimeout(pause);
  pause = window.setTimeout(() => void readOn(), SCROLL_PAUSE_MS);
}

/** Reads the rows on the screen anew, and nothing else. */
export async function refreshUsers(): Promise<Failure | undefined> {
  const list = users.value;
  const search = searchOf();
  if (running?.search === search) return undefined;
  if (list?.search !== search) return begin(search);
  return isSearch() ? refreshFound(list) : readWindow(list, visible.from, visible.to);
}

/** Goes on with a search that has looked at very many. */
export function searchOn(): Promise<Failure | undefined> {
  return readOn();
}

/** Ids of all found users, at most `max`. */
export async function allFound(max: number): Promise<string[] | undefined> {
  const ids: string[] = [];
  // Whatever is typed meanwhile is another search.
  const search = wanted();
  let cursor: string | undefined;
  do {
    const answer = await listUsers({ ...search, cursor, limit: 500 });
    if (!answer.ok) return undefined;
    ids.push(...answer.value.users.map((user) => user.phone_number));
    cursor = answer.value.cursor ?? undefined;
  } while (cursor !== undefined && ids.length < max);
  return ids.slice(0, max);
}

export function forgetUsers(): void {
  running?.own.abort();
  window.clearTimeout(pause);
  users.value = undefined;
}

const wanted = () => ({ contains: query.value, online: onlineOnly.value || undefined });

function needsMore({ count, rows, cursor }: UserList): boolean {
  if (cursor !== undefined) return visible.to + MARGIN >= count;
  for (let at = visible.from; at < Math.min(visible.to, count); at += 1) if (!rows.has(at)) return true;
  return false;
}

function begin(search: string): Promise<Failure | undefined> {
  visible = { from: 0, to: visible.to - visible.from, stopAt: 0 };
  const empty: UserList = { search, count: 0, rows: new Map(), cursor: isSearch() ? '' : undefined };
  return isSearch() ? find(empty) : readWindow(empty, visible.from, visible.to);
}

async function readOn(): Promise<Failure | undefined> {
  const list = users.value;
  if (list?.search !== searchOf()) return undefined;
  return list.cursor === undefined ? readWindow(list, visible.from, visible.to) : find(list);
}

/** One reading at a time: a later one ends it. */
async function alone<T>(search: string, read: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  running?.own.abort();
  const own = new AbortController();
  running = { own, search };
  const result = await read(own.signal);
  if (running.own === own) running = undefined;
  return own.signal.aborted || search !== searchOf() ? undefined : result;
}

async function readWindow(list: UserList, from: number, to: number): Promise<Failure | undefined> {
  const offset = Math.max(0, from - MARGIN);
  const answer = await alone(list.search, (signal) => listUsers({ offset, limit: to + MARGIN - offset, signal }));
  if (!answer) return undefined;
  if (!answer.ok) return answer.failure;
  const { total, users: read } = answer.value;
  // Who was added or removed has moved all that come behind.
  const hasMoved = users.value?.search !== list.search || users.value.count !== total;
  const rows = new Map(
    [...(hasMoved ? [] : list.rows)].filter(
      ([at]) => (at > visible.from - KEPT && at < visible.to + KEPT) || at === visible.stopAt,
    ),
  );
  for (const [at, user] of read.entries()) rows.set(offset + at, user);
  users.value = { ...list, count: total ?? offset + read.length, rows, cursor: undefined };
  return undefined;
}

async function find(list: UserList): Promise<Failure | undefined> {
  isSearching.value = true;
  let found = list;
  let failure: Failure | undefined;
  for (let i = 0; i < SEARCHES_AT_A_TIME && needsMore(found) && found.cursor !== undefined; i += 1) {
    const { cursor } = found;
    const answer = await alone(list.search, (signal) =>
      listUsers({ ...wanted(), cursor: cursor || undefined, limit: SEARCH_PAGE, signal }),
    );
    if (!answer) break;
    if (!answer.ok) {
      failure = answer.failure;
      break;
    }
    const rows = new Map(found.rows);
    for (const [at, user] of answer.value.users.entries()) rows.set(found.count + at, user);
    const count = found.count + answer.value.users.length;
    found = { ...found, count, rows, cursor: answer.value.cursor ?? undefined };
    users.value = found;
  }
  isSearching.value = false;
  return failure;
}

/** The presence of those on the screen. Where others stand in their places now, the search begins anew behind them. */
async function refreshFound(list: UserList): Promise<Failure | undefined> {
  const { from } = visible;
  const limit = Math.max(1, Math.min(visible.to, list.count) - from);
  const cursor = from === 0 ? undefined : list.rows.get(from - 1)?.phone_number;
  const answer = await alone(list.search, (signal) => listUsers({ ...wanted(), cursor, limit, signal }));
  if (!answer) return undefined;
  if (!answer.ok) return answer.failure;
  const { users: read, cursor: more } = answer.value;
  // A page that is short although more follow stopped at the bound of its search: what is behind it stays.
  const isSame =
    (read.length === Math.min(limit, list.count) || Boolean(more)) &&
    read.every((user, at) => list.rows.get(from + at)?.phone_number === user.phone_number);
  const rows = new Map(isSame ? list.rows : [...list.rows].filter(([at]) => at < from));
  for (const [at, user] of read.entries()) rows.set(from + at, user);
  users.value = isSame ? { ...list, rows } : { ...list, rows, count: from + read.length, cursor: more ?? undefined };
  return undefined;
}
