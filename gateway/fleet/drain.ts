import { setTimeout } from 'node:timers/promises';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const STEP_MS = 50;
/** Never slower than this per second: the other gateways take such a number with ease. */
const MIN_RATE = 500;
/** The share of the drain time in which the goodbyes are sent; the rest is for the steps after them. */
const SHARE_FOR_GOODBYES = 0.8;

/** Sends all clients away, evenly over the time there is; a few are gone at once. */
async function sendAway(sessions: readonly Session[], drainTimeoutMs: number): Promise<void> {
  const perSecond = Math.max(MIN_RATE, sessions.length / ((drainTimeoutMs * SHARE_FOR_GOODBYES) / 1_000 || 1));
  const perStep = Math.ceil((perSecond * STEP_MS) / 1_000);
  for (let from = 0; from < sessions.length; from += perStep) {
    if (from > 0) await setTimeout(STEP_MS);
    for (const session of sessions.slice(from, from + perStep)) session.close(CloseReasons.draining);
  }
}

/** What the drain needs of the listener. */
interface DrainedListener {
  readonly owners: Iterable<Session>;
  /** Accepts no connections from now on. */
  stop(): void;
}

/** Shares of the drain time: for the present clients, and until new ones are turned away. The rest is for new clients. */
const SHARE_FOR_PRESENT = 0.7;
const SHARE_BEFORE_STOP_ACCEPTING = 0.8;

/**
 * Sends all clients away, and serves new ones meanwhile: a load balancer sends new connections for minutes after its
 * signal to stop, and each of them would be refused. Those that have yet to verify count as new. `acceptMs`: how long new connections are accepted, even when all clients have left.
 */
export async function drainClients(listener: DrainedListener, budgetMs: number, acceptMs: number): Promise<void> {
  const startedAtMs = performance.now();
  const present = [...listener.owners].filter(({ isVerified }) => isVerified);
  await sendAway(present, budgetMs * SHARE_FOR_PRESENT);
  const untilMs = startedAtMs + Math.min(acceptMs, budgetMs * SHARE_BEFORE_STOP_ACCEPTING);
  await setTimeout(Math.max(0, untilMs - performance.now()));
  listener.stop();
  await sendAway([...listener.owners], Math.max(0, startedAtMs + budgetMs - performance.now()));
}
