import { z } from 'zod';
import { MAX_USER_ID_LENGTH } from '../../contract/wire/commands.ts';
import { pageLimit } from '../http/paging.ts';

export const MAX_PAGE = 500;

/** Maximum of mailbox messages in the response for one user. */
export const SHOWN_MESSAGES = 20;

export const usersQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 100),
  cursor: z.string().max(MAX_USER_ID_LENGTH).optional(),
  q: z.string().max(MAX_USER_ID_LENGTH).optional(),
});
export type UsersQuery = z.output<typeof usersQuery>;

const at = z.int().nullable().meta({ description: 'Unix milliseconds; null: never.' });

export const userAnswer = z.object({
  phone_number: z.string(),
  role: z.string().nullable().meta({ description: '`operator`, or null for everyone else.' }),
  online: z.boolean(),
  gateway: z.string().nullable().meta({ description: 'The gateway that holds the connection; null: not connected.' }),
  connected_at: at,
  last_seen: at.meta({ description: 'Unix milliseconds: the last time that the connection began or ended.' }),
});

export const usersAnswer = z.object({
  users: z.array(userAnswer).meta({ description: 'In the order of their ids.' }),
  cursor: z.string().nullable().meta({ description: 'Where the next page begins; null: this was the last.' }),
});

export const userDetailAnswer = userAnswer.extend({
  session: z
    .object({
      epoch: z.int().meta({ description: 'Names the session: a later one of the same user has a higher epoch.' }),
      acknowledges: z.boolean().meta({ description: 'The client asked for `ack`: its messages wait for its word.' }),
    })
    .nullable()
    .meta({ description: 'null: not connected.' }),
  token: z
    .object({ expires_at: z.int().nullable().meta({ description: 'Unix seconds; null: never.' }) })
    .nullable()
    .meta({ description: 'Whether there is one, never the token itself; null: there is none.' }),
  mailbox: z.int().meta({ description: 'Messages that wait: not delivered, or not yet acknowledged.' }),
  messages: z
    .array(
      z.object({
        id: z.string(),
        command_id: z.int(),
        sent_at: z.int().meta({ description: 'Unix milliseconds.' }),
        expires_at: z.int().nullable().meta({ description: 'Unix milliseconds; null: as OFFLINE_TTL_S says.' }),
      }),
    )
    .meta({ description: `The first of these, at most ${SHOWN_MESSAGES}. Their contents are not told.` }),
  lost: z.int().meta({ description: 'Messages that the mailbox gave up, not told to the client yet.' }),
});

export const disconnectedAnswer = z.object({
  disconnected: z.boolean().meta({ description: 'Whether there was a connection to close.' }),
});
