import { z } from 'zod';

const ids = z.array(z.string());

/** `to` and `recipients` of a record of a send. Older versions recorded a broadcast with a time with the list `{}`, and 0. */
export function recordedRecipients(
  to: string | undefined,
  recipients: string | undefined,
): { to: string[] | null; recipients: number | null } {
  if (to === '{}') return { to: null, recipients: null };
  return { to: to ? ids.parse(JSON.parse(to)) : null, recipients: recipients ? Number(recipients) : null };
}
