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

const usersSchema = object({ users: array(userSchema), cursor: nullish(string()) });

const userDetailSchema = extend(userSchema, {
  session: nullable(object({ epoch: number(), acknowledges: boolean() })),
  token: nullable(object({ expires_at: nullable(number()) })),
  mailbox: number(),
  messages: array(object({ id: string(), command_id: number(), sent_at: number(), expires_at: nullable(number()) })),
  lost: number(),
});
export type UserDetail = ZodInfer<typeof userDetailSchema>;

const disconnectedSchema = object({ disconnected: boolean() });

/** One page of users in the order of their ids, those that begin with `q`. */
export function listUsers(q: string, cursor: string | undefined, signal: AbortSignal) {
  return operatorCall(usersSchema, { method: 'GET', path: pathWith('users', { q, cursor }), signal });
}

export function readUser(id: string, signal: AbortSignal) {
  return operatorCall(userDetailSchema, { method: 'GET', path: `users/${encodeURIComponent(id)}`, signal });
}

export function disconnectUser(id: string) {
  return operatorCall(disconnectedSchema, { method: 'DELETE', path: `users/${encodeURIComponent(id)}/session` });
}

/** Closes the connection, too. */
export function revokeToken(id: string) {
  return operatorCall(disconnectedSchema, { method: 'DELETE', path: `users/${encodeURIComponent(id)}/token` });
}
