import { DEFAULT_LIMITS } from '../../../shared/limits.ts';

/** The limits of a mailbox. */
export interface MailboxBound {
  mailboxMax: number;
  /** Default: that of MAILBOX_MAX_BYTES. */
  mailboxMaxBytes?: number;
}

/** In the form for the scripts: `<messages>,<bytes>`. */
export function mailboxBound({ mailboxMax, mailboxMaxBytes = DEFAULT_LIMITS.mailboxMaxBytes }: MailboxBound): string {
  return `${mailboxMax},${mailboxMaxBytes}`;
}
