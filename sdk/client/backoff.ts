import type { ReconnectPolicy } from './options.ts';

/**
 * Wait before the n-th attempt (n from 1), ms: full jitter, so that the clients of a gateway that died do not all
 * come back at the same moment.
 */
export function backoffMs(policy: ReconnectPolicy, attempt: number, random: () => number = Math.random): number {
  const bound = Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** (attempt - 1));
  return Math.floor(random() * (bound + 1));
}
