import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { type Handler, serve } from '../http/serve.ts';
import { authorize } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** POST /logout: the user's token is worth nothing any more, and the connection that it opened is closed. */
export function createHandler(runtime: Runtime): Handler {
  return serve(runtime.log, {
    'POST /logout': async (request) => {
      const { userId } = await authorize(runtime, request);
      const session = await disconnectUser(runtime.redis, runtime.keys, userId, {
        reason: 'logged_out',
        revoke: true,
        highestId: await runtime.clock.highestId(),
      });
      return { disconnected: session === 'online' };
    },
  });
}

export const handler = lambdaEntry(createHandler);
