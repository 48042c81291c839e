import { authorize } from '../shared/authorize.ts';
import { type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntry } from '../shared/lambda-entry.ts';
import type { Runtime } from '../shared/runtime.ts';
import { readStats } from './read-stats.ts';

/** GET /stats: how many are connected where, what waits in the queue, and what was delivered so far. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /stats': async (request) => {
      await authorize(runtime, request, 'read');
      return readStats(runtime.redis, runtime.keys);
    },
  });
}

export const handler = lambdaEntry(createHandler);
