import { z } from 'zod';
import { SCOPES } from '../../contract/store/service-tokens.ts';
import { userIdSchema } from '../../contract/wire/commands.ts';

const MAX_NAME_LENGTH = 64;
const MAX_TOKEN_RECIPIENTS = 1_000;
const MAX_TTL_SECONDS = 315_360_000;

const scopes = z
  .array(z.enum(SCOPES))
  .min(1, 'is empty')
  .max(SCOPES.length)
  .meta({
    description:
      '`send`: POST /send-command. `read`: GET /users, /users/{phone_number}, /users/{phone_number}/messages, /commands/{id}, ' +
      '/stats, /stats/history and /tail.',
  });

export const createTokenRequest = z
  .strictObject({
    name: z
      .string()
      .min(1, 'is empty')
      .max(MAX_NAME_LENGTH)
      .refine((name) => !/\p{C}/u.test(name), 'has characters that cannot be printed')
      .meta({ description: 'Its messages are from `service:<name>`.' }),
    scopes,
    recipients: z
      .array(userIdSchema)
      .min(1, 'is empty')
      .max(MAX_TOKEN_RECIPIENTS)
      .optional()
      .meta({ description: 'With `send`: the only users that it may send to. Left out: anyone.' }),
    ttl_s: z.int().min(1).max(MAX_TTL_SECONDS).optional().meta({ description: 'Seconds; default TOKEN_TTL_S.' }),
  })
  .refine((request) => request.recipients === undefined || request.scopes.includes('send'), {
    path: ['recipients'],
    message: 'is only for the scope send',
  });

export const createTokenAnswer = z.object({
  id: z.string(),
  token: z.string().meta({ description: 'Shown this once: only its hash is kept.' }),
  expires_at: z.int().meta({ description: 'Unix seconds.' }),
});

export const serviceToken = z.object({
  id: z.string(),
  name: z.string(),
  scopes,
  recipients: z.array(z.string()).nullable().meta({ description: 'null: anyone.' }),
  created_by: z.string(),
  created_at: z.int().meta({ description: 'Unix milliseconds.' }),
  expires_at: z.int().meta({ description: 'Unix seconds.' }),
});

export const tokensAnswer = z.object({ tokens: z.array(serviceToken) });
