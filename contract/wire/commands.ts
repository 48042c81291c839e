import { z } from 'zod';
import { isJsonObject } from '../../shared/raw-json.ts';
import { APPLICATION_DOWN } from './command-ids.ts';
import { chatBody } from './message.ts';

/** Any Unicode, but no lone surrogates: an id must survive UTF-8. */
export const MAX_USER_ID_LENGTH = 128;
export const userIdSchema = z
  .string()
  .min(1, 'is empty')
  .max(MAX_USER_ID_LENGTH, `is longer than ${MAX_USER_ID_LENGTH} characters`)
  .refine((id) => id.isWellFormed(), 'is not well-formed Unicode')
  .meta({ description: 'A user id: any well-formed Unicode.' });

/** The rule of `userIdSchema`, without its messages. */
export function isUserId(text: string): boolean {
  return text !== '' && text.length <= MAX_USER_ID_LENGTH && text.isWellFormed();
}

export const MAX_BATCH = 100;
export const MAX_TTL_SECONDS = 31_536_000;
/** API Gateway ends a request after 30 s. */
export const MAX_WAIT_SECONDS = 25;
export const DEFAULT_WAIT_SECONDS = 10;
/** The farthest `not_before`: 30 days ahead. */
export const MAX_DELAY_SECONDS = 2_592_000;
const MAX_REPLACES_LENGTH = 128;
/** Deeper content is refused: devices parse it with little stack. */
export const MAX_CONTENT_DEPTH = 32;

/** Members that clients with features get in addition to those of an application message. */
const RESERVED_MEMBERS = ['id', 'sent_at', 'ask'];

const delivery = {
  ttl_s: z
    .int()
    .min(1)
    .max(MAX_TTL_SECONDS)
    .optional()
    .meta({ description: 'Seconds for which it may wait for an offline recipient.' }),
  receipt: z.boolean().optional().meta({ description: 'Keep what becomes of it for GET /commands/{id}.' }),
  wait: z
    .enum(['written', 'acknowledged', 'reply'])
    .optional()
    .meta({
      description:
        'Of a command for one recipient, not in a batch: answer when this step is reached (200), when it can no longer ' +
        'happen (409), or when `timeout_s` is over (202, the command goes on). Implies `receipt`.',
    }),
  timeout_s: z
    .int()
    .min(1)
    .max(MAX_WAIT_SECONDS)
    .optional()
    .meta({ description: `How long to wait, seconds; ${DEFAULT_WAIT_SECONDS} unless it is given.` }),
  if_away: z
    .literal('fail')
    .optional()
    .meta({ description: 'Of a command for one recipient: 409 `away` when it is not connected; nothing is stored.' }),
  not_before: z.int().min(0).optional().meta({
    description: 'Unix seconds, at most 30 days ahead: it is delivered then, not earlier; `ttl_s` counts from it.',
  }),
  replaces: z
    .string()
    .min(1, 'is empty')
    .max(MAX_REPLACES_LENGTH)
    .refine((key) => key.isWellFormed(), 'is not well-formed Unicode')
    .optional()
    .meta({
      description:
        'A key: of the commands with this key that still wait for the same recipient only the newest is delivered; the ' +
        'receipts of the others end as `replaced`. Implies `receipt`.',
    }),
};

/** The conditions of a command apply to one recipient. Returns the mistakes in them, by member. */
function conditionProblem(command: Conditions): { path: string; message: string } | undefined {
  const { command_id, chat_to, wait, timeout_s, if_away, not_before, replaces } = command;
  const isGroup = typeof chat_to === 'object' && !Array.isArray(chat_to);
  if (isGroup && (command_id === 102 || command_id === 104))
    return { path: 'chat_to', message: 'a group takes 103 or 2000-2999' };
  const isOne = typeof chat_to === 'string' || (Array.isArray(chat_to) && chat_to.length === 1);
  if (timeout_s !== undefined && wait === undefined)
    return { path: 'timeout_s', message: 'is for a command with wait' };
  if (wait !== undefined && !isOne) return { path: 'wait', message: 'is for a command to one recipient' };
  if (if_away !== undefined && !isOne) return { path: 'if_away', message: 'is for a command to one recipient' };
  if (if_away !== undefined && not_before !== undefined) return { path: 'if_away', message: 'not with not_before' };
  if (replaces !== undefined && chat_to === undefined) return { path: 'replaces', message: 'is for named recipients' };
  return undefined;
}

function checkConditions(command: Conditions, context: z.RefinementCtx): void {
  const problem = conditionProblem(command);
  if (problem) context.addIssue({ code: 'custom', path: [problem.path], message: problem.message });
}

interface Conditions {
  readonly command_id: number;
  readonly chat_to?: string | string[] | { group: string } | undefined;
  readonly wait?: string | undefined;
  readonly timeout_s?: number | undefined;
  readonly if_away?: string | undefined;
  readonly not_before?: number | undefined;
  readonly replaces?: string | undefined;
}

/** The name of a group: part of its path, too. */
export const GROUP_NAME = /^[A-Za-z0-9._:-]{1,128}$/;
const groupNameSchema = z.string().regex(GROUP_NAME, 'is not the name of a group');
const groupTarget = z
  .strictObject({ group: groupNameSchema })
  .meta({ description: 'All members of a group at acceptance.' });

const recipientIds = z.union([userIdSchema, z.array(userIdSchema).min(1, 'is empty'), groupTarget]);

/** A chat message: to one or many (102, 103), or to everyone or the named users (104). */
const chatCommand = z
  .strictObject({
    command_id: z.union([z.literal(102), z.literal(103), z.literal(104)]),
    chat_to: recipientIds.optional(),
    content: z.string().min(1, 'is empty'),
    ...delivery,
  })
  .refine((command) => command.command_id === 104 || command.chat_to !== undefined, {
    path: ['chat_to'],
    message: 'is missing: only 104 goes to everyone',
  })
  .superRefine(checkConditions);

/**
 * JSON objects as `JSON.parse` made them, used as they are: copying would lose a member named `__proto__`,
 * and a recursive validator could overflow the stack.
 */
const applicationContent = z
  .custom<Record<string, unknown>>(isJsonObject, 'is not an object')
  .refine((value) => RESERVED_MEMBERS.every((name) => !Object.hasOwn(value, name)), 'has a member id, sent_at or ask')
  .refine((value) => isWithinDepth(value, MAX_CONTENT_DEPTH), `is nested more than ${MAX_CONTENT_DEPTH} deep`)
  .meta({ type: 'object', description: 'Its members go to the device as they are.' });

/** An application message: an object whose members go to the device as they are. */
const applicationCommand = z
  .strictObject({
    command_id: z.int().min(APPLICATION_DOWN.first).max(APPLICATION_DOWN.last),
    chat_to: recipientIds,
    content: applicationContent,
    ...delivery,
  })
  .superRefine(checkConditions);

/** One command of POST /send-command. */
export const sendCommandSchema = z.union([chatCommand, applicationCommand]);
export type SendCommand = z.infer<typeof sendCommandSchema>;

const commandIdSchema = z.looseObject({
  command_id: z
    .int()
    .refine(
      (id) => (id >= 102 && id <= 104) || (id >= APPLICATION_DOWN.first && id <= APPLICATION_DOWN.last),
      'is not 102, 103, 104 or 2000-2999',
    ),
});

/** As `sendCommandSchema`, but mistakes are reported for the one kind of command that `command_id` names. */
export function parseSendCommand(input: unknown): z.ZodSafeParseResult<SendCommand> {
  const commandId = isJsonObject(input) ? input.command_id : undefined;
  if (commandId === 102 || commandId === 103 || commandId === 104) return chatCommand.safeParse(input);
  const named = commandIdSchema.safeParse(input);
  return named.success ? applicationCommand.safeParse(input) : (named as z.ZodSafeParseError<SendCommand>);
}

/** Whether a command goes to a group. */
export function isGroup(chat_to: SendCommand['chat_to']): chat_to is { group: string } {
  return typeof chat_to === 'object' && !Array.isArray(chat_to);
}

/** The message body, in the plain form, for a command of `from`. */
export function bodyOf(command: SendCommand, from: string): string {
  return typeof command.content === 'string'
    ? chatBody(JSON.stringify(from), JSON.stringify(command.content))
    : JSON.stringify(command.content);
}

/** Stops at the maximum depth: hostile nesting costs no stack. */
export function isWithinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isWithinDepth(member, depth - 1));
}
