import type { Bill } from './model.ts';
import { frontTcpBill } from './model.ts';
import type { Usage } from './usage.ts';

const MAX_CLIENTS = 10_000_000;

/**
 * The number of clients from which on fronttcp is cheaper, at the same commands per client; undefined when it
 * never is. Our cost starts with a fixed part, and then grows more slowly, or not at all.
 */
export function breakEven(usage: Usage, other: (usage: Usage) => Bill): number | undefined {
  const isCheaper = (clients: number): boolean =>
    frontTcpBill({ ...usage, clients }).total <= other({ ...usage, clients }).total;
  if (!isCheaper(MAX_CLIENTS)) return undefined;
  let dearer = 0;
  let cheaper = MAX_CLIENTS;
  while (cheaper - dearer > 1) {
    const middle = Math.floor((dearer + cheaper) / 2);
    if (isCheaper(middle)) cheaper = middle;
    else dearer = middle;
  }
  return cheaper;
}
