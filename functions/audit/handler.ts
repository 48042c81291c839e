import { authorize, OPERATOR } from '../shared/authorize.ts';
import { invalid } from '../shared/http/invalid.ts';
import { type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntry } from '../shared/lambda-entry.ts';
import type { Runtime } from '../shared/runtime.ts';
import { readAudit } from './read-audit.ts';
import { auditQuery } from './schema.ts';

/** GET /audit: who has sent what to whom, and who has made and revoked tokens. Ids, not contents. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'GET /audit': async (request) => {
      await authorize(runtime, request, OPERATOR);
      const query = auditQuery.safeParse(request.event.queryStringParameters ?? {});
      if (!query.success) throw invalid(query.error);
      return readAudit(runtime.redis, runtime.keys, query.data);
    },
  });
}

export const handler = lambdaEntry(createHandler);
