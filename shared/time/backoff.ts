/**
 * Returns the pause before a further attempt, ms: it doubles with each attempt, from `minMs` up to `maxMs`. Half of it is
 * random, so that callers that failed together do not retry together. `attempt` counts from 1.
 */
export function backoffMs(attempt: number, minMs: number, maxMs: number): number {
  const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return ceilingMs / 2 + Math.random() * (ceilingMs / 2);
}
