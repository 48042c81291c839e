import { effect, signal, untracked } from '@preact/signals';
import type { Failure } from '../api/request.ts';
import { readStats, type Stats } from '../api/stats.ts';
import { forgetDay, hours, refreshDay } from './day.ts';
import { letters } from './dead-letters.ts';
import { audience } from './draft.ts';
import { forgetFigures, recordFigures } from './figures.ts';
import { groups, members, refreshGroups } from './groups.ts';
import { history, recipient, refreshHistory, sender } from './history.ts';
import { type Poll, startPoll } from './poll.ts';
import { forgetServiceTokens, refreshServiceTokens } from './service-tokens.ts';
import { session } from './session.ts';
import { followed, forgetTail, isPaused, leaveTail, refreshTail } from './tail.ts';
import { forgetDetail, refreshDetail } from './user-detail.ts';
import { forgetUsers, onlineOnly, query, refreshUsers } from './users.ts';
import { place, type View } from './view.ts';

const PAUSE_MS = 3_000;
/** Each further page of a list costs a request per round: the rounds become rarer. */
const PAUSE_PER_PAGE_MS = 500;
const SEARCH_PAUSE_MS = 200;

export const stats = signal<Stats | undefined>(undefined);
/** What the last round met: undefined while all is well. */
export const liveFailure = signal<Failure | undefined>(undefined);
/** When the last good round ended, ms. */
export const liveAtMs = signal<number | undefined>(undefined);

/** What a view shows beside the figures, and how many pages of it. */
const views: Readonly<Record<View, { read: () => Promise<Failure | undefined>; pages: () => number }>> = {
  overview: { read: refreshDay, pages: () => 1 },
  live: { read: refreshTail, pages: () => 1 },
  send: { read: readSend, pages: searchPages },
  users: { read: readUsers, pages: () => searchPages() + (place.peek().id === undefined ? 0 : DETAIL_AS_PAGES) },
  groups: { read: refreshGroups, pages: () => (groups.pages.peek()?.pages ?? 1) + (members.pages.peek()?.pages ?? 0) },
  history: { read: refreshHistory, pages: () => history.pages.peek()?.pages ?? 1 },
  gateways: { read: async () => undefined, pages: () => 1 },
  queue: { read: () => letters.refresh(''), pages: () => letters.pages.peek()?.pages ?? 1 },
  device: { read: async () => undefined, pages: () => 1 },
  tokens: { read: refreshServiceTokens, pages: () => 1 },
};

/** A search costs Redis more than a window of the list. */
const SEARCH_AS_PAGES = 10;
/** One user in detail is two requests more. */
const DETAIL_AS_PAGES = 4;
function searchPages(): number {
  return query.peek() === '' && !onlineOnly.peek() ? 1 : SEARCH_AS_PAGES;
}

let poll: Poll | undefined;

/** Reads the figures and what the view shows, as long as someone is logged in. */
export function startLive(): void {
  effect(() => {
    if (session.value) {
      const pauseMs = () => PAUSE_MS + (views[place.peek().view].pages() - 1) * PAUSE_PER_PAGE_MS;
      poll = untracked(() => startPoll(readRound, pauseMs));
      return;
    }
    poll?.stop();
    poll = undefined;
    untracked(forgetAll);
  });
  place.subscribe(refreshNow);
  for (const choice of [sender, hours, isPaused, audience]) choice.subscribe(refreshNow);
  // What happens while another view is shown is not followed.
  place.subscribe(({ view }) => {
    if (view !== 'live') leaveTail();
  });
  let pause: number | undefined;
  for (const search of [query, onlineOnly, recipient, followed]) {
    search.subscribe(() => {
      window.clearTimeout(pause);
      pause = window.setTimeout(refreshNow, SEARCH_PAUSE_MS);
    });
  }
}

export function refreshNow(): void {
  poll?.now();
}

async function readSend(): Promise<Failure | undefined> {
  if (audience.value === 'chosen') return refreshUsers();
  return audience.value === 'group' ? groups.refresh('') : undefined;
}

async function readUsers(): Promise<Failure | undefined> {
  const { id } = place.value;
  const [list, one] = await Promise.all([refreshUsers(), id === undefined ? undefined : refreshDetail(id)]);
  return list ?? one;
}

async function readRound(): Promise<Failure | undefined> {
  const own = session.value;
  const [shown, figures] = await Promise.all([views[place.value.view].read(), readStats()]);
  const failure = shown ?? (figures.ok ? undefined : figures.failure);
  // Whoever logged out meanwhile, or came back, is not shown what this round found.
  if (session.value !== own) return failure;
  const atMs = Date.now();
  if (figures.ok) {
    stats.value = figures.value;
    recordFigures(figures.value, atMs);
  }
  liveFailure.value = failure;
  if (!failure) liveAtMs.value = atMs;
  return failure;
}

function forgetAll(): void {
  for (const list of [groups, members, history, letters]) list.forget();
  forgetUsers();
  forgetDay();
  forgetTail();
  forgetDetail();
  forgetServiceTokens();
  forgetFigures();
  stats.value = undefined;
  liveFailure.value = undefined;
  liveAtMs.value = undefined;
}
