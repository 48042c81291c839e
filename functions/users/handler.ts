import { recordAudit } from '../../contract/store/scripts/audit.ts';
import { dropMessage } from '../../contract/store/scripts/mailbox.ts';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { invalid } from '../http/invalid.ts';
import { Refusal } from '../http/refusal.ts';
import { type ApiRequest, type Handler, serve } from '../http/serve.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { describeUser, listUsers } from './list-users.ts';
import { usersQuery } from './schema.ts';

/** The users, one user, the end of a user's connection or token, and of one waiting message: for operators. */
export function createHandler(runtime: Runtime): Handler {
  const { environment, redis, keys, clock, log } = runtime;
  return serve(log, {
    'GET /users': async (request) => {
      await authorize(runtime, request, 'read');
      const query = usersQuery.safeParse(request.event.queryStringParameters ?? {});
      if (!query.success) throw invalid(query.error);
      return listUsers(redis, keys, query.data);
    },
    'GET /users/{phone_number}': async (request) => {
      await authorize(runtime, request, 'read');
      const user = await describeUser(redis, keys, phoneNumberOf(request));
      if (user === undefined) throw new Refusal(404, 'no_such_user');
      return user;
    },
    'DELETE /users/{phone_number}/session': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const session = await disconnectUser(redis, keys, userId, {
        reason: 'kicked',
        revoke: false,
        highestId: await clock.highestId(),
      });
      if (session === 'unknown') throw new Refusal(404, 'no_such_user');
      request.facts.target = userId;
      await recordAudit(redis, keys, { most: environment.AUDIT_MAX, by, kind: 'disconnect', target: userId });
      return { disconnected: session === 'online' };
    },
    'DELETE /users/{phone_number}/token': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const session = await disconnectUser(redis, keys, userId, {
        reason: 'logged_out',
        revoke: true,
        highestId: await clock.highestId(),
      });
      if (session === 'unknown') throw new Refusal(404, 'no_such_user');
      request.facts.target = userId;
      await recordAudit(redis, keys, { most: environment.AUDIT_MAX, by, kind: 'user_token_revoked', target: userId });
      return { disconnected: session === 'online' };
    },
    'DELETE /users/{phone_number}/messages/{id}': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const message = { userId: phoneNumberOf(request), id: request.event.pathParameters?.id ?? '' };
      if (!isMessageId(message.id)) throw new Refusal(404, 'no_such_message');
      const outcome = await dropMessage(redis, keys, message, { by, most: environment.AUDIT_MAX });
      if (outcome === 'no_user') throw new Refusal(404, 'no_such_user');
      if (outcome === 'no_message') throw new Refusal(404, 'no_such_message');
      request.facts.target = message.userId;
      return {};
    },
  });
}

/** Ids are scores of the mailbox: another text, or a number that is not exact, must not find the message beside it. */
function isMessageId(id: string): boolean {
  return /^[1-9]\d*$/.test(id) && Number.isSafeInteger(Number(id));
}

function phoneNumberOf(request: ApiRequest): string {
  return request.event.pathParameters?.phone_number ?? '';
}

export const handler = lambdaEntry(createHandler);
