import type { z } from 'zod';
import type { Receipt } from '../../contract/store/scripts/receipts.ts';
import type { commandAnswer } from './schema.ts';

export function receiptAnswer(id: string, receipt: Receipt): z.infer<typeof commandAnswer> {
  return {
    id,
    command_id: receipt.commandId,
    from: receipt.from,
    accepted_at: receipt.acceptedAtMs,
    recipients: receipt.recipients.map(({ userId, state, reason, steps }) => ({
      phone_number: userId,
      state,
      ...(reason === undefined ? {} : { reason }),
      steps: steps.map((step) => ({ state: step.state, at: step.atMs })),
    })),
  };
}
