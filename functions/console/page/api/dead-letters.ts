import { array, nullable, number, object, string, type infer as ZodInfer } from 'zod/mini';
import { operatorCall, pathWith } from './operator-call.ts';

const letterSchema = object({
  id: string(),
  entry: string(),
  bytes: number(),
  encoding: string(),
  reason: nullable(string()),
  at: nullable(number()),
  chat_to: nullable(array(string())),
});
export type DeadLetter = ZodInfer<typeof letterSchema>;

const lettersSchema = object({ letters: array(letterSchema), total: number(), cursor: nullable(string()) });

/** The newest first. */
export function listDeadLetters(cursor: string | undefined, signal: AbortSignal) {
  return operatorCall(lettersSchema, {
    method: 'GET',
    path: pathWith('dead-letters', { limit: '20', cursor }),
    signal,
  });
}

/** Back into the queue. */
export function retryDeadLetter(id: string) {
  return operatorCall(object({}), { method: 'POST', path: `dead-letters/${encodeURIComponent(id)}/retry` });
}

export function deleteDeadLetter(id: string) {
  return operatorCall(object({}), { method: 'DELETE', path: `dead-letters/${encodeURIComponent(id)}` });
}
