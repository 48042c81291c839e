import {
  array,
  nullable,
  nullish,
  number,
  object,
  optional,
  record,
  string,
  unknown,
  type infer as ZodInfer,
} from 'zod/mini';
import { operatorCall, pathWith } from './operator-call.ts';

const sentSchema = object({
  id: string(),
  recipients: object({
    online: optional(number()),
    stored: optional(number()),
    unknown: optional(number()),
    scheduled: optional(number()),
    /** Of a send to a group; all else is in the receipt. */
    members: optional(number()),
  }),
  /** Of a command with `wait`. */
  outcome: optional(string()),
  reply: optional(unknown()),
});
export type Sent = ZodInfer<typeof sentSchema>;

const receiptSchema = object({
  recipients: array(
    object({ phone_number: string(), state: string(), reason: nullish(string()), reply: optional(unknown()) }),
  ),
  /** Of a send to a group: its members in each state; `recipients` are some of them. */
  states: optional(record(string(), number())),
  /** Of a large receipt: where the next page begins. */
  cursor: nullish(string()),
});
export type Receipt = ZodInfer<typeof receiptSchema>;

const pastCommandSchema = object({
  id: string(),
  command_id: number(),
  from: string(),
  accepted_at: number(),
  to: nullable(array(string())),
  recipients: nullable(number()),
  receipt: nullable(object({ recipients: number(), states: nullable(record(string(), number())) })),
});
export type PastCommand = ZodInfer<typeof pastCommandSchema>;

const pastCommandsSchema = object({ commands: array(pastCommandSchema), cursor: nullable(string()) });

/** One command of POST /send-command, as the page writes it. */
export interface Command {
  /** 102, 103, 104, or an application's from 2000 on. */
  command_id: number;
  chat_to?: string | string[] | { group: string };
  content: string | object;
  ttl_s?: number;
  /** Unix seconds. */
  not_before?: number;
  replaces?: string;
  receipt?: true;
  /** The call returns with the reply of the device, or when `timeout_s` is over. */
  wait?: 'reply';
  timeout_s?: number;
}

/** Safe to repeat with the same key and command: it is sent once. */
export function sendCommand(command: Command, idempotencyKey: string) {
  return operatorCall(sentSchema, {
    method: 'POST',
    path: 'send-command',
    body: command,
    headers: { 'idempotency-key': idempotencyKey },
    waitMs: (command.timeout_s ?? 0) * 1000,
  });
}

/** Pages of a broadcast's receipt that are read: some 4,000 recipients. */
const MAX_PAGES = 8;

/** Reads the first pages of a broadcast's receipt. Of a send to a group one is enough: it counts all members. */
export async function readReceipt(id: string, signal?: AbortSignal) {
  const read = (cursor?: string) => {
    const path = pathWith(`commands/${encodeURIComponent(id)}`, { cursor });
    return operatorCall(receiptSchema, { method: 'GET', path, ...(signal ? { signal } : {}) });
  };
  let answer = await read();
  for (let page = 1; answer.ok && hasMoreRecipients(answer.value) && page < MAX_PAGES; page += 1) {
    const before = answer.value.recipients;
    answer = await read(answer.value.cursor ?? undefined);
    if (answer.ok) answer.value.recipients.unshift(...before);
  }
  return answer;
}

/** Whether it names and counts the first recipients only. */
export function hasMoreRecipients({ states, cursor }: Receipt): boolean {
  return states === undefined && typeof cursor === 'string';
}

const cancelledSchema = object({ cancelled: number(), too_late: number() });

/** Takes back what no recipient has been sent yet. */
export function cancelCommand(id: string) {
  return operatorCall(cancelledSchema, { method: 'DELETE', path: `commands/${encodeURIComponent(id)}` });
}

interface HistoryQuery {
  from?: string | undefined;
  to?: string | undefined;
  before?: string | undefined;
  limit?: string | undefined;
}

/** What was sent, the newest first. A page may be short with more behind it. */
export function listCommands(query: HistoryQuery, signal: AbortSignal) {
  return operatorCall(pastCommandsSchema, { method: 'GET', path: pathWith('commands', { ...query }), signal });
}
