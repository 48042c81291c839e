import { z } from 'zod';
import { MAX_USER_ID_LENGTH, userIdSchema } from '../../contract/wire/commands.ts';
import { pageLimit } from '../http/paging.ts';
import { MAX_PASSWORD_LENGTH } from '../http/password.ts';

export const MAX_PAGE = 500;

const MAX_MESSAGES_PAGE = 100;

/** Maximum of mailbox messages in the response for one user. */
export const SHOWN_MESSAGES = 20;

export const usersQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 100),
  cursor: z.string().max(MAX_USER_ID_LENGTH).optional(),
  q: z.string().max(MAX_USER_ID_LENGTH).optional(),
  offset: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .default(0),
  contains: z.string().max(MAX_USER_ID_LENGTH).optional(),
  online: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .optional(),
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
  total: z.int().nullable().meta({
    description: 'Users whose ids begin with `q`; null: not known, with `cursor`, `contains` or `online`.',
  }),
});

export const waitingMessage = z.object({
  id: z.string(),
  command_id: z.int(),
  sent_at: z.int().meta({ description: 'Unix milliseconds.' }),
  expires_at: z.int().nullable().meta({ description: 'Unix milliseconds; null: as OFFLINE_TTL_S says.' }),
});

export const userDetailAnswer = userAnswer.extend({
  session: z
    .object({
      epoch: z.int().meta({ description: 'Names the session: a later one of the same user has a higher epoch.' }),
      acknowledges: z.boolean().meta({
        description: 'Whether the client uses `ack`: a message stays in the mailbox until it is acknowledged.',
      }),
    })
    .nullable()
    .meta({ description: 'null: not connected.' }),
  token: z
    .object({ expires_at: z.int().nullable().meta({ description: 'Unix seconds; null: never.' }) })
    .nullable()
    .meta({ description: 'Whether there is one, never the token itself; null: no token.' }),
  mailbox: z.int().meta({ description: 'Messages that wait: not delivered, or not yet acknowledged.' }),
  messages: z
    .array(waitingMessage)
    .meta({ description: `The first of these, at most ${SHOWN_MESSAGES}. Without their contents.` }),
  lost: z.int().meta({ description: 'Messages that the mailbox dropped and that the client does not know of yet.' }),
});

export const disconnectedAnswer = z.object({
  disconnected: z.boolean().meta({ description: 'Whether there was a connection to close.' }),
});

const password = z.string().min(1, 'is empty').max(MAX_PASSWORD_LENGTH);

export const addUserRequest = z.strictObject({
  phone_number: userIdSchema,
  password: password.optional().meta({ description: 'Left out: the user cannot log in, but may be given a token.' }),
  role: z.enum(['user', 'operator']).default('user'),
});

export const setPasswordRequest = z.strictObject({ password });

export const makeTokenRequest = z.strictObject({
  ttl_s: z
    .int()
    .min(0)
    .max(3_153_600_000)
    .optional()
    .meta({ description: 'Seconds; 0: valid until it is replaced; default TOKEN_TTL_S.' }),
});

export const madeTokenAnswer = z.object({
  token: z.string().meta({ description: 'Shown this once: only its hash is kept.' }),
  expires_at: z.int().nullable().meta({ description: 'Unix seconds; null: until it is replaced.' }),
});

export const messagesQuery = z.strictObject({
  limit: pageLimit(MAX_MESSAGES_PAGE, 50),
  cursor: z
    .string()
    .regex(/^\d{1,16}$/)
    .default('0'),
});

export const messagesAnswer = z.object({
  total: z.int().meta({ description: 'Of all messages that wait.' }),
  messages: z
    .array(waitingMessage)
    .meta({ description: 'In the order of their ids. A page of large messages may be short.' }),
  cursor: z.string().nullable().meta({ description: 'Of the next page; null: this was the last.' }),
});

export const clearedAnswer = z.object({ deleted: z.int().meta({ description: 'Messages that waited.' }) });
