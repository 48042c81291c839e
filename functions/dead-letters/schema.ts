import { z } from 'zod';
import { pageLimit } from '../http/paging.ts';

const MAX_PAGE = 100;

/** Bytes of an entry that a listing shows. */
export const SHOWN_BYTES = 4_096;
/** Maximum of unknown recipients in a listing. */
export const NAMED_RECIPIENTS = 100;

/** A position in the list, counted from its oldest letter, and the beginning of the SHA-1 of the letter. */
export const deadLetterId = /^(\d{1,10})-([\da-f]{16})$/;

export const deadLettersQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 50),
  cursor: z
    .string()
    .regex(/^\d{1,10}$/)
    .optional(),
});
export type DeadLettersQuery = z.output<typeof deadLettersQuery>;

export const deadLetter = z.object({
  id: z.string().meta({ description: 'Names this letter until it is gone, while others come and go.' }),
  entry: z.string().meta({ description: `What the producer wrote; no more than its first ${SHOWN_BYTES} bytes.` }),
  bytes: z.int().meta({ description: 'Of the whole entry.' }),
  encoding: z.enum(['utf8', 'latin1']).meta({
    description: 'latin1: the entry was not UTF-8; each character of `entry` is one of its bytes.',
  }),
  reason: z.string().nullable().meta({ description: 'null: another program put it into the list.' }),
  at: z.int().nullable().meta({ description: 'Unix milliseconds.' }),
  chat_to: z.array(z.string()).nullable().meta({
    description: 'The unknown recipients (the first hundred); the others have received it. null: nobody has.',
  }),
});

export const deadLettersAnswer = z.object({
  letters: z.array(deadLetter).meta({ description: 'The newest first.' }),
  total: z.int(),
  cursor: z.string().nullable().meta({ description: 'Of the next page; null: this was the last.' }),
});
