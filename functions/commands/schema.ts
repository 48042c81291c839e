import { z } from 'zod';

export const deliveryState = z.enum(['routed', 'stored', 'written', 'acknowledged', 'expired', 'failed']).meta({
  description:
    'routed: on its way to a connection · stored: waits in the mailbox · written: handed to the operating system of the gateway · ' +
    'acknowledged: the client has it · expired: its time was over · failed: see `reason`.',
});

export const commandAnswer = z.object({
  id: z.string(),
  command_id: z.int(),
  from: z.string().meta({ description: 'Who sent it: a user id.' }),
  accepted_at: z.int().meta({ description: 'Unix milliseconds.' }),
  recipients: z
    .array(
      z.object({
        phone_number: z.string(),
        state: deliveryState,
        reason: z.string().optional().meta({ description: 'Such as unknown_user, offline, mailbox_full, expired.' }),
        steps: z.array(z.object({ state: deliveryState, at: z.int().meta({ description: 'Unix milliseconds.' }) })),
      }),
    )
    .meta({ description: 'By user id. Of a broadcast: those that it has reached.' }),
});
