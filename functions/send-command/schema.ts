import { z } from 'zod';
import { MAX_BATCH, sendCommandSchema } from '../../contract/wire/commands.ts';
import { errorWord } from '../http/error-word.ts';

/** The commands themselves are validated one by one: each has its own result. */
export const batchRequest = z.strictObject({
  commands: z.array(z.unknown()).min(1, 'is empty').max(MAX_BATCH),
});

const counts = z.object({
  online: z.int().meta({ description: 'Connected: on its way. Of a broadcast, how many are connected.' }),
  stored: z.int().meta({ description: 'Away: waits in the mailbox.' }),
  unknown: z.int().meta({ description: 'There is no such user.' }),
  scheduled: z.int().optional().meta({ description: 'Of a command with `not_before`: waits for its time.' }),
});

export const sentAnswer = z.object({
  id: z.string().meta({ description: 'The message id: decimal, increasing with time.' }),
  recipients: counts,
  outcome: z
    .enum(['written', 'acknowledged', 'replied', 'pending'])
    .optional()
    .meta({ description: 'Of a command with `wait`: the step that was reached; `pending` with 202.' }),
  reply: z.unknown().optional().meta({ description: 'With `outcome` `replied`: what the device replied.' }),
});

/** The target of a command to a group. */
export const sentToGroupAnswer = z.object({
  id: sentAnswer.shape.id,
  recipients: z.object({ members: z.int().meta({ description: 'How many the group had at acceptance.' }) }),
});

/** For the OpenAPI document: `batchRequest` leaves the commands to their own schema. */
export const batchRequestDocument = z.strictObject({
  commands: z.array(sendCommandSchema).min(1).max(MAX_BATCH),
});

export const sentBatchAnswer = z.object({
  results: z
    .array(
      z.union([
        z.object({ code: z.literal(1), message: z.string(), ...sentAnswer.shape }),
        z.object({ code: z.literal(1), message: z.string(), ...sentToGroupAnswer.shape }),
        z.object({ code: z.literal(0), error: errorWord, message: z.string() }),
      ]),
    )
    .meta({ description: 'One per command, in their order.' }),
});
