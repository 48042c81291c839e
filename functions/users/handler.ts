import type { z } from 'zod';
import { dropMessage } from '../../contract/store/scripts/mailbox.ts';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { addUser, clearMailbox, giveToken, removeUser, setPassword } from '../../contract/store/scripts/users.ts';
import { readBody } from '../http/body.ts';
import { readQuery } from '../http/query.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type ApiRequest, type Handler, serve } from '../http/serve.ts';
import { actorOf } from '../runtime/actor.ts';
import { authorize, OPERATOR } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { describeUser, listMessages, listUsers } from './list-users.ts';
import { addUserRequest, makeTokenRequest, messagesQuery, setPasswordRequest, usersQuery } from './schema.ts';

/** The users: the list, and an operator's actions on one. */
export function createHandler(runtime: Runtime): Handler {
  const { environment, redis, keys, clock, log } = runtime;
  const bodyOf = <T>(request: ApiRequest, schema: z.ZodType<T>): T =>
    readBody(request.event, environment.MAX_BODY_BYTES, (input) => schema.safeParse(input));

  return serve(log, {
    'POST /users': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const { phone_number: userId, password, role } = bodyOf(request, addUserRequest);
      const user = { password, isOperator: role === OPERATOR, replace: false };
      if ((await addUser(redis, keys, userId, user, actorOf(runtime, by))) === 'exists')
        throw new HttpRefusal(409, 'user_exists');
      request.logFields.target = userId;
      return {};
    },
    'DELETE /users/{phone_number}': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const highestId = await clock.highestId();
      const outcome = await removeUser(redis, keys, userId, { ...actorOf(runtime, by), highestId });
      if (outcome === 'unknown') throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return {};
    },
    'PUT /users/{phone_number}/password': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const { password } = bodyOf(request, setPasswordRequest);
      const outcome = await setPassword(redis, keys, userId, password, actorOf(runtime, by));
      if (outcome === 'no_user') throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return {};
    },
    'POST /users/{phone_number}/token': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const { ttl_s = environment.TOKEN_TTL_S } = bodyOf(request, makeTokenRequest);
      const made = await giveToken(redis, keys, userId, ttl_s, actorOf(runtime, by));
      if (made === 'no_user') throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return { token: made.token, expires_at: made.expiresAt ?? null };
    },
    'GET /users/{phone_number}/messages': async (request) => {
      await authorize(runtime, request, 'read');
      const query = readQuery(request.event, messagesQuery);
      const page = await listMessages(redis, keys, phoneNumberOf(request), query);
      if (page === undefined) throw new HttpRefusal(404, 'no_such_user');
      return page;
    },
    'DELETE /users/{phone_number}/messages': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const deleted = await clearMailbox(redis, keys, userId, actorOf(runtime, by));
      if (deleted === undefined) throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return { deleted };
    },
    'GET /users': async (request) => {
      await authorize(runtime, request, 'read');
      const query = readQuery(request.event, usersQuery);
      return listUsers(redis, keys, query);
    },
    'GET /users/{phone_number}': async (request) => {
      await authorize(runtime, request, 'read');
      const user = await describeUser(redis, keys, phoneNumberOf(request));
      if (user === undefined) throw new HttpRefusal(404, 'no_such_user');
      return user;
    },
    'DELETE /users/{phone_number}/session': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const how = { reason: 'kicked', revoke: false, highestId: await clock.highestId() } as const;
      const session = await disconnectUser(redis, keys, userId, how, actorOf(runtime, by));
      if (session === 'unknown') throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return { disconnected: session === 'online' };
    },
    'DELETE /users/{phone_number}/token': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const userId = phoneNumberOf(request);
      const how = { reason: 'logged_out', revoke: true, highestId: await clock.highestId() } as const;
      const session = await disconnectUser(redis, keys, userId, how, actorOf(runtime, by));
      if (session === 'unknown') throw new HttpRefusal(404, 'no_such_user');
      request.logFields.target = userId;
      return { disconnected: session === 'online' };
    },
    'DELETE /users/{phone_number}/messages/{id}': async (request) => {
      const { userId: by } = await authorize(runtime, request, OPERATOR);
      const message = { userId: phoneNumberOf(request), id: request.event.pathParameters?.id ?? '' };
      if (!isMessageId(message.id)) throw new HttpRefusal(404, 'no_such_message');
      const outcome = await dropMessage(redis, keys, message, actorOf(runtime, by));
      if (outcome === 'no_user') throw new HttpRefusal(404, 'no_such_user');
      if (outcome === 'no_message') throw new HttpRefusal(404, 'no_such_message');
      request.logFields.target = message.userId;
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
