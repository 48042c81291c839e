import { disconnectUser } from '../../contract/scripts/sessions.ts';
import { authorize } from '../shared/authorize.ts';
import { type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntry } from '../shared/lambda-entry.ts';
import type { Runtime } from '../shared/runtime.ts';

/** POST /logout: the user's token is worth nothing any more, and the connection that it opened is closed. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'POST /logout': async (request) => {
      const { userId } = await authorize(runtime, request);
      const session = await disconnectUser(runtime.redis, runtime.keys, userId, { reason: 'logged_out', revoke: true });
      return { disconnected: session === 'online' };
    },
  });
}

export const handler = lambdaEntry(createHandler);
