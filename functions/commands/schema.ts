import { z } from 'zod';

const state = z.enum(['routed', 'stored', 'written', 'acknowledged', 'expired', 'failed']).meta({
  id: 'DeliveryState',
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
        state: state.meta({ description: 'The last of `steps`.' }),
        reason: z.string().optional().meta({ description: 'Such as unknown_user, offline, mailbox_full, expired.' }),
        steps: z.array(z.object({ state, at: z.int().meta({ description: 'Unix milliseconds.' }) })),
      }),
    )
    .meta({ description: 'By user id. Of a broadcast: those that it has reached.' }),
});
