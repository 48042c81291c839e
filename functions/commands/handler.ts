import { readReceipt } from '../../contract/scripts/receipts.ts';
import { authorize } from '../shared/authorize.ts';
import { Refusal } from '../shared/http/refusal.ts';
import { type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntry } from '../shared/lambda-entry.ts';
import type { Runtime } from '../shared/runtime.ts';
import { receiptAnswer } from './receipt.ts';

/** GET /commands/{id}: what has become of a command that asked for a receipt. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /commands/{id}': async (request) => {
      await authorize(runtime, request, 'read');
      const id = request.event.pathParameters?.id ?? '';
      const isId = /^[1-9]\d{0,15}$/.test(id);
      const receipt = isId ? await readReceipt(runtime.redis, runtime.keys, id) : undefined;
      if (receipt === undefined) throw new Refusal(404, 'no_such_command');
      request.facts.messages = id;
      return receiptAnswer(id, receipt);
    },
  });
}

export const handler = lambdaEntry(createHandler);
