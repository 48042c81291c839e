import { array, boolean, nullish, number, object, string, type infer as ZodInfer } from 'zod/mini';
import { endSessionOn, session } from '../state/session.ts';
import { type Answer, type Call, request } from './request.ts';

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

const statsSchema = object({
  connected: number(),
  gateways: array(object({ id: string(), live: boolean() })),
  queue: object({ waiting: number(), dead: number() }),
});
export type Stats = ZodInfer<typeof statsSchema>;

const sentSchema = object({
  id: string(),
  recipients: object({ online: number(), stored: number(), unknown: number() }),
});
export type Sent = ZodInfer<typeof sentSchema>;

const receiptSchema = object({
  recipients: array(object({ phone_number: string(), state: string(), reason: nullish(string()) })),
});
export type Receipt = ZodInfer<typeof receiptSchema>;

/** One command of POST /send-command, as the page writes it. */
export interface Command {
  command_id: 102 | 103 | 104;
  chat_to?: string | string[];
  content: string;
  ttl_s?: number;
  receipt?: true;
}

/** One page of users in the order of their ids, those that begin with `q`. */
export function listUsers(q: string, cursor: string | undefined, signal: AbortSignal) {
  const query = new URLSearchParams();
  if (q !== '') query.set('q', q);
  if (cursor !== undefined) query.set('cursor', cursor);
  return operatorCall(usersSchema, { method: 'GET', path: query.size > 0 ? `users?${query}` : 'users', signal });
}

export function readStats() {
  return operatorCall(statsSchema, { method: 'GET', path: 'stats' });
}

/** Safe to repeat with the same key and command: it is sent once. */
export function sendCommand(command: Command, idempotencyKey: string) {
  return operatorCall(sentSchema, {
    method: 'POST',
    path: 'send-command',
    body: command,
    headers: { 'idempotency-key': idempotencyKey },
  });
}

export function readReceipt(id: string) {
  return operatorCall(receiptSchema, { method: 'GET', path: `commands/${encodeURIComponent(id)}` });
}

async function operatorCall<T>(schema: Parameters<typeof request<T>>[0], call: Call): Promise<Answer<T>> {
  const token = session.value?.token ?? '';
  const answer = await request(schema, { ...call, token });
  if (!answer.ok) endSessionOn(answer.failure, token);
  return answer;
}
