import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import type { DirectInterval } from './direct-interval.ts';
import { Message, type Outgoing } from './messages.ts';

/** What of one user's items must go back to the mailbox, in order; a promise while ids are being reserved for it. */
export function undeliveredOf(items: readonly Outgoing[]): readonly Undelivered[] | Promise<readonly Undelivered[]> {
  const reserving = items.map(intervalOf).find((interval) => interval?.reserving)?.reserving;
  if (reserving !== undefined) return reserving.then(() => undeliveredOf(items));
  const counted = new Map<DirectInterval, number>();
  const undelivered: Undelivered[] = [];
  for (const item of items.toReversed()) {
    const message = item.undelivered;
    if (message === undefined) continue;
    const interval = intervalOf(item);
    const fromEnd = interval ? (counted.get(interval) ?? 0) + 1 : 0;
    if (interval) counted.set(interval, fromEnd);
    undelivered.push(interval ? { ...message, id: interval.idOf(fromEnd) } : message);
  }
  return undelivered.reverse();
}

function intervalOf(item: Outgoing): DirectInterval | undefined {
  return item instanceof Message ? item.interval : undefined;
}
