import { array, nullable, number, object, optional, string, type infer as ZodInfer } from 'zod/mini';
import { operatorCall, pathWith } from './operator-call.ts';

const lineSchema = object({
  at: number(),
  type: string(),
  gateway: string(),
  user: optional(string()),
  message: optional(string()),
  command: optional(number()),
  way: optional(string()),
  reason: optional(string()),
  count: optional(number()),
});
export type TailLine = ZodInfer<typeof lineSchema>;

const tailSchema = object({ lines: array(lineSchema), skipped: number(), cursor: string() });

/** Without a cursor: a beginning, with no lines. */
export function readTail(user: string, cursor: string | undefined) {
  return operatorCall(tailSchema, { method: 'GET', path: pathWith('tail', { user, cursor }) });
}

const entrySchema = object({
  at: number(),
  what: string(),
  gateway: optional(string()),
  message: optional(string()),
  command_id: optional(number()),
  from: optional(string()),
  reason: optional(string()),
});
export type TimelineEntry = ZodInfer<typeof entrySchema>;

const timelineSchema = object({ entries: array(entrySchema), events_since: nullable(number()) });
export type Timeline = ZodInfer<typeof timelineSchema>;

export function readTimeline(id: string, signal: AbortSignal) {
  const path = `users/${encodeURIComponent(id)}/timeline`;
  return operatorCall(timelineSchema, { method: 'GET', path, signal });
}
