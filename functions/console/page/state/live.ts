import { effect, signal, untracked } from '@preact/signals';
import { readStats, type Stats } from '../api/operator.ts';
import type { Failure } from '../api/request.ts';
import { type Poll, startPoll } from './poll.ts';
import { session } from './session.ts';
import { forgetUsers, query, refreshUsers, userPages } from './users.ts';

const PAUSE_MS = 2_000;
/** Each further page of users costs a request per round: the rounds become rarer. */
const PAUSE_PER_PAGE_MS = 500;
const SEARCH_PAUSE_MS = 200;

export const stats = signal<Stats | undefined>(undefined);
/** What the last round met: undefined while all is well. */
export const liveFailure = signal<Failure | undefined>(undefined);
/** When the last good round ended, ms. */
export const liveAtMs = signal<number | undefined>(undefined);

let poll: Poll | undefined;

/** Reads users and figures as long as someone is logged in. */
export function startLive(): void {
  effect(() => {
    if (session.value) {
      const pauseMs = () => PAUSE_MS + ((userPages.peek()?.pages ?? 1) - 1) * PAUSE_PER_PAGE_MS;
      poll = untracked(() => startPoll(readRound, pauseMs));
      return;
    }
    poll?.stop();
    poll = undefined;
    forgetUsers();
    stats.value = undefined;
    liveFailure.value = undefined;
    liveAtMs.value = undefined;
  });
  let pause: number | undefined;
  query.subscribe(() => {
    window.clearTimeout(pause);
    pause = window.setTimeout(refreshNow, SEARCH_PAUSE_MS);
  });
}

export function refreshNow(): void {
  poll?.now();
}

async function readRound(): Promise<Failure | undefined> {
  const own = session.value;
  const [usersFailure, figures] = await Promise.all([refreshUsers(), readStats()]);
  const failure = usersFailure ?? (figures.ok ? undefined : figures.failure);
  // Whoever logged out meanwhile, or came back, is not shown what this round found.
  if (session.value !== own) return failure;
  if (figures.ok) stats.value = figures.value;
  liveFailure.value = failure;
  if (!failure) liveAtMs.value = Date.now();
  return failure;
}
