/**
 * The work of one Redis call (docs/architecture.md, "Bounds"), in units: one for each recipient, and one for every 200
 * bytes that are written. Callers combine commands up to this; a larger command goes alone.
 */
export const STEP_WORK = 5_000;
export const BYTES_PER_UNIT = 200;
/** A larger body for several mailboxes is stored once (scripts/mailbox-library.lua). */
const SHARED_BYTES = 800;
/** Of a message in a mailbox, beside its body. */
const HEAD_BYTES = 100;

/** The work of Redis to route a message, or to put it into mailboxes. `recipients` 0: everyone, an entry per gateway. `bytes`: in UTF-8. */
export function workOf(recipients: number, bytes: number): number {
  const perRecipient = 1 + (recipients > 1 ? Math.min(bytes, SHARED_BYTES) : 0) / BYTES_PER_UNIT;
  return recipients * perRecipient + bytes / BYTES_PER_UNIT;
}

/** The work to take a message of this size out of one mailbox, where it is with its head, unless the body is stored once. */
export function takeOutWork(bytes: number): number {
  return 2 + (HEAD_BYTES + Math.min(bytes, SHARED_BYTES)) / BYTES_PER_UNIT;
}

/** Splits a list into steps of at most STEP_WORK each, in order; an item that is larger is a step of its own. */
export function inSteps<T>(items: readonly T[], work: (item: T) => number): T[][] {
  const steps: T[][] = [];
  let left = 0;
  for (const item of items) {
    const units = work(item);
    if (steps.length === 0 || units > left) {
      steps.push([]);
      left = STEP_WORK;
    }
    steps.at(-1)?.push(item);
    left -= units;
  }
  return steps;
}
