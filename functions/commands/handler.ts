import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import { readQuery } from '../http/query.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type ApiRequest, type Handler, serve } from '../http/serve.ts';
import { actorOf } from '../runtime/actor.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { auditQuery } from './audit-schema.ts';
import { cancelById, cancelByKey } from './cancel.ts';
import { listCommands } from './list-commands.ts';
import { readAudit } from './read-audit.ts';
import { readTimeline } from './read-timeline.ts';
import { receiptAnswer } from './receipt.ts';
import { commandQuery, commandsQuery } from './schema.ts';

/** Sent commands, the receipts of commands, and the audit of other actions. Ids, not contents. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /commands': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const query = readQuery(request.event, commandsQuery);
      return listCommands(runtime.redis, runtime.keys, query);
    },
    'DELETE /commands': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      const name = idempotencyKeyOf(request.event.headers['idempotency-key']);
      if (name === undefined) throw new HttpRefusal(400, 'no_idempotency_key');
      return cancelByKey(runtime.redis, runtime.keys, name, actorOf(runtime, userId));
    },
    'DELETE /commands/{id}': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      const id = commandIdOf(request);
      request.logFields.target = id;
      return cancelById(runtime.redis, runtime.keys, id, actorOf(runtime, userId));
    },
    'GET /audit': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const query = readQuery(request.event, auditQuery);
      return readAudit(runtime.redis, runtime.keys, query);
    },
    'GET /users/{phone_number}/timeline': async (request) => {
      await authorize(runtime, request, OPERATOR);
      return readTimeline(runtime.redis, runtime.keys, request.event.pathParameters?.phone_number ?? '');
    },
    'GET /commands/{id}': async (request) => {
      await authorize(runtime, request, 'read');
      const id = commandIdOf(request);
      const query = readQuery(request.event, commandQuery);
      const receipt = await readReceipt(runtime.redis, runtime.keys, id, query.cursor);
      if (receipt === undefined) throw new HttpRefusal(404, 'no_such_command');
      request.logFields.target = id;
      return receiptAnswer(id, receipt);
    },
  });
}

/** Refuses with 404 for text that is not an id. */
function commandIdOf(request: ApiRequest): string {
  const id = request.event.pathParameters?.id ?? '';
  if (!/^[1-9]\d{0,15}$/.test(id)) throw new HttpRefusal(404, 'no_such_command');
  return id;
}

export const handler = lambdaEntry(createHandler);
