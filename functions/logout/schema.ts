import { z } from 'zod';

export const logoutRequest = z.strictObject({
  all: z.boolean().optional().meta({ description: 'End all tokens of the user, not only the one that is presented.' }),
});
