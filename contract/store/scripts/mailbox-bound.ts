import { DEFAULT_LIMITS } from '../../../shared/limits.ts';

/** What a mailbox may hold. */
export interface MailboxBound {
  mailboxMax: number;
  /** Default: that of MAILBOX_MAX_BYTES. */
  mailboxMaxBytes?: number;
}

/** As the scripts take it: `<messages>,<bytes>`. */
export function mailboxBound({ mailboxMax, mailboxMaxBytes = DEFAULT_LIMITS.mailboxMaxBytes }: MailboxBound): string {
  return `${mailboxMax},${mailboxMaxBytes}`;
}
