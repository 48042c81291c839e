import { array, boolean, extend, nullable, nullish, number, object, string, type infer as ZodInfer } from 'zod/mini';
import { operatorCall, pathWith } from './operator-call.ts';

const userSchema = object({
  phone_number: string(),
  role: nullish(string()),
  online: boolean(),
  gateway: nullish(string()),
  connected_at: nullish(number()),
  last_seen: nullish(number()),
});
export type User = ZodInfer<typeof userSchema>;

const usersSchema = object({ users: array(userSchema), cursor: nullish(string()), total: nullish(number()) });

const messageSchema = object({
  id: string(),
  command_id: number(),
  sent_at: number(),
  expires_at: nullable(number()),
});
export type WaitingMessage = ZodInfer<typeof messageSchema>;

const userDetailSchema = extend(userSchema, {
  session: nullable(object({ epoch: number(), acknowledges: boolean() })),
  token: nullable(object({ expires_at: nullable(number()) })),
  mailbox: number(),
  messages: array(messageSchema),
  lost: number(),
});
export type UserDetail = ZodInfer<typeof userDetailSchema>;

const pathOf = (id: string) => `users/${encodeURIComponent(id)}`;

const disconnectedSchema = object({ disconnected: boolean() });

interface UsersQuery {
  /** Rows to skip. */
  offset?: number;
  cursor?: string | undefined;
  limit: number;
  contains?: string;
  online?: true | undefined;
  signal?: AbortSignal;
}

/** One page of users in the order of their ids. Of a search it may be short although more follow. */
export function listUsers({ signal, offset, limit, online, ...query }: UsersQuery) {
  const path = pathWith('users', {
    ...query,
    offset: offset ? String(offset) : undefined,
    limit: String(limit),
    online: online && 'true',
  });
  return operatorCall(usersSchema, { method: 'GET', path, ...(signal ? { signal } : {}) });
}

export function readUser(id: string, signal: AbortSignal) {
  return operatorCall(userDetailSchema, { method: 'GET', path: pathOf(id), signal });
}

export function disconnectUser(id: string) {
  return operatorCall(disconnectedSchema, { method: 'DELETE', path: `${pathOf(id)}/session` });
}

/** Closes the connection, too. */
export function revokeToken(id: string) {
  return operatorCall(disconnectedSchema, { method: 'DELETE', path: `${pathOf(id)}/token` });
}

export function addUser(user: { phone_number: string; password?: string; role?: string }) {
  return operatorCall(object({}), { method: 'POST', path: 'users', body: user });
}

export function removeUser(id: string) {
  return operatorCall(object({}), { method: 'DELETE', path: pathOf(id) });
}

export function setPassword(id: string, password: string) {
  return operatorCall(object({}), { method: 'PUT', path: `${pathOf(id)}/password`, body: { password } });
}

const madeTokenSchema = object({ token: string(), expires_at: nullable(number()) });
export type MadeToken = ZodInfer<typeof madeTokenSchema>;

/** The answer has the token itself, this once. 0 seconds: until it is replaced; undefined: as the deployment says. */
export function makeToken(id: string, seconds: number | undefined) {
  const body = seconds === undefined ? {} : { ttl_s: seconds };
  return operatorCall(madeTokenSchema, { method: 'POST', path: `${pathOf(id)}/token`, body });
}

/** Behind the message with the id `cursor`. */
export function listMessages(id: string, cursor: string | undefined) {
  return operatorCall(object({ messages: array(messageSchema) }), {
    method: 'GET',
    path: pathWith(`${pathOf(id)}/messages`, { limit: '100', cursor }),
  });
}

export function deleteMessage(id: string, message: string) {
  return operatorCall(object({}), { method: 'DELETE', path: `${pathOf(id)}/messages/${encodeURIComponent(message)}` });
}

export function clearMessages(id: string) {
  return operatorCall(object({ deleted: number() }), { method: 'DELETE', path: `${pathOf(id)}/messages` });
}
