import type { z } from 'zod';
import type { Receipt } from '../../contract/store/scripts/receipts.ts';
import { parseJson } from '../../shared/raw-json.ts';
import type { commandAnswer } from './schema.ts';

export function receiptAnswer(id: string, receipt: Receipt): z.infer<typeof commandAnswer> {
  const { group, cursor } = receipt;
  return {
    id,
    command_id: receipt.commandId,
    from: receipt.from,
    accepted_at: receipt.acceptedAtMs,
    ...(group === undefined ? {} : { group: group.name, members: group.members, states: group.states }),
    ...(cursor === undefined ? {} : { cursor }),
    recipients: receipt.recipients.map(({ userId, state, reason, reply, steps }) => ({
      phone_number: userId,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(reply === undefined ? {} : { reply: parseJson(reply) }),
      steps: steps.map((step) => ({ state: step.state, at: step.atMs })),
    })),
  };
}
