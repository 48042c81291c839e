import { type Handler, serve } from '../http/serve.ts';
import { authorize } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readStats } from './read-stats.ts';

/** GET /stats: connections per gateway, the length of the queue, and the number of deliveries so far. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /stats': async (request) => {
      await authorize(runtime, request, 'read');
      return readStats(runtime.redis, runtime.keys);
    },
  });
}

export const handler = lambdaEntry(createHandler);
