import { setTimeout } from 'node:timers/promises';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const STEP_MS = 50;
/** Slower than this per second is never needed: the others take such a number with ease. */
const MIN_RATE = 500;
/** Of the drain time, as much is left for what comes after the goodbyes. */
const SHARE_FOR_GOODBYES = 0.8;

/** Sends everyone away, evenly over the time there is; a handful are gone at once. */
export async function sendAway(sessions: readonly Session[], drainTimeoutMs: number): Promise<void> {
  const perSecond = Math.max(MIN_RATE, sessions.length / ((drainTimeoutMs * SHARE_FOR_GOODBYES) / 1_000 || 1));
  const perStep = Math.ceil((perSecond * STEP_MS) / 1_000);
  for (let from = 0; from < sessions.length; from += perStep) {
    if (from > 0) await setTimeout(STEP_MS);
    for (const session of sessions.slice(from, from + perStep)) session.close(CloseReasons.draining);
  }
}
