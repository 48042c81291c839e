import { readQuery } from '../http/query.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type Handler, type Rule, serve } from '../http/serve.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { listDeadLetters } from './list-dead-letters.ts';
import { deadLettersQuery } from './schema.ts';
import { takeDeadLetter } from './take-dead-letter.ts';

/** Entries that could not be routed: list them, retry them, or delete them. */
export function createHandler(runtime: Runtime): Handler {
  const taking =
    (what: 'retry' | 'delete'): Rule =>
    async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const id = request.event.pathParameters?.id ?? '';
      if (!(await takeDeadLetter(runtime, { id, what, by }))) throw new HttpRefusal(404, 'no_such_letter');
      request.logFields.target = id;
      return {};
    };
  return serve(runtime.log, {
    'GET /dead-letters': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const query = readQuery(request.event, deadLettersQuery);
      return listDeadLetters(runtime.redis, runtime.keys, query);
    },
    'POST /dead-letters/{id}/retry': taking('retry'),
    'DELETE /dead-letters/{id}': taking('delete'),
  });
}

export const handler = lambdaEntry(createHandler);
