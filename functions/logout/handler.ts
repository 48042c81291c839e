import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { readBody } from '../http/body.ts';
import { type Handler, serve } from '../http/serve.ts';
import { actorOf } from '../runtime/actor.ts';
import { authorize } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { logoutRequest } from './schema.ts';

const MAX_LOGOUT_BYTES = 1_024;

/** POST /logout: revokes the presented token, or all tokens of the user, and closes a connection that was opened with one of them. */
export function createHandler(runtime: Runtime): Handler {
  const { redis, keys, clock } = runtime;
  return serve(runtime.log, {
    'POST /logout': async (request) => {
      const { userId, tokenField } = await authorize(runtime, request);
      const hasBody = (request.event.body ?? '') !== '';
      const { all } = hasBody ? readBody(request.event, MAX_LOGOUT_BYTES, logoutRequest.safeParse) : { all: false };
      const how = {
        reason: 'logged_out',
        revoke: all === true || tokenField === undefined ? true : { tokenField },
        highestId: await clock.highestId(),
      } as const;
      // Users act for themselves: the audit has what operators do.
      const actor = { ...actorOf(runtime, userId), max: 0 };
      const session = await disconnectUser(redis, keys, userId, how, actor);
      return { disconnected: session === 'online' };
    },
  });
}

export const handler = lambdaEntry(createHandler);
