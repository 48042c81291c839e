import { readBody } from '../http/body.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type Handler, serve } from '../http/serve.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createTokenRequest } from './schema.ts';
import { createServiceToken, listServiceTokens, revokeServiceToken } from './store.ts';

/** A thousand recipients of the maximum length, each character as an escape. */
const MAX_REQUEST_BYTES = 1_048_576;

/** Tokens of programs: for operators only, not for such programs. */
export function createHandler(runtime: Runtime): Handler {
  const { redis, keys, log } = runtime;
  return serve(log, {
    'POST /service-tokens': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      const asked = readBody(request.event, MAX_REQUEST_BYTES, createTokenRequest.safeParse);
      const made = await createServiceToken(runtime, userId, asked);
      request.logFields.target = made.id;
      return made;
    },
    'GET /service-tokens': async (request) => {
      await authorize(runtime, request, OPERATOR);
      return { tokens: await listServiceTokens(redis, keys) };
    },
    'DELETE /service-tokens/{id}': async (request) => {
      const { userId } = await authorize(runtime, request, OPERATOR);
      const id = request.event.pathParameters?.id ?? '';
      const isId = /^[\da-f]{24}$/.test(id);
      if (!isId || !(await revokeServiceToken(runtime, userId, id))) throw new HttpRefusal(404, 'no_such_token');
      request.logFields.target = id;
      return {};
    },
  });
}

export const handler = lambdaEntry(createHandler);
