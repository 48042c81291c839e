import { z } from 'zod';
import { userIdSchema } from '../../contract/wire/commands.ts';
import { MAX_PASSWORD_LENGTH } from '../http/password.ts';

export const loginRequest = z.strictObject({
  phone_number: userIdSchema,
  password: z.string().min(1, 'is empty').max(MAX_PASSWORD_LENGTH),
});

export const loginAnswer = z.object({
  token: z
    .string()
    .meta({ description: 'Goes into `Authorization: Bearer`, and into the verify of the TCP protocol.' }),
  expires_at: z.int().meta({ description: 'Unix seconds.' }),
});
