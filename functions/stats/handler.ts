import { readQuery } from '../http/query.ts';
import { type Handler, serve } from '../http/serve.ts';
import { authorize } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { followTail } from './follow-tail.ts';
import { readHistory } from './read-history.ts';
import { readStats } from './read-stats.ts';
import { historyQuery, tailQuery } from './schema.ts';

/** What goes on: the figures of now and of the last day, and what happens at this moment. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /stats': async (request) => {
      await authorize(runtime, request, 'read');
      return readStats(runtime.redis, runtime.keys);
    },
    'GET /stats/history': async (request) => {
      await authorize(runtime, request, 'read');
      const query = readQuery(request.event, historyQuery);
      return readHistory(runtime.redis, runtime.keys, query.hours, await runtime.clock.now());
    },
    'GET /tail': async (request) => {
      await authorize(runtime, request, 'read');
      const query = readQuery(request.event, tailQuery);
      return followTail(runtime.redis, runtime.keys, query);
    },
  });
}

export const handler = lambdaEntry(createHandler);
