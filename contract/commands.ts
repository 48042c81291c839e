import { z } from 'zod';
import { APPLICATION_DOWN } from './command-ids.ts';
import { chatBody } from './message.ts';

/** Any Unicode, but no lone surrogates: an id must survive UTF-8. */
export const MAX_USER_ID_LENGTH = 128;
export const userIdSchema = z
  .string()
  .min(1, 'is empty')
  .max(MAX_USER_ID_LENGTH, `is longer than ${MAX_USER_ID_LENGTH} characters`)
  .refine((id) => id.isWellFormed(), 'is not well-formed Unicode');

export const MAX_BATCH = 100;
export const MAX_TTL_SECONDS = 31_536_000;

/** Members that `ack` clients get beside those of an application message. */
const RESERVED_MEMBERS = ['id', 'sent_at'];

const delivery = {
  ttl_s: z.int().min(1).max(MAX_TTL_SECONDS).optional(),
  receipt: z.boolean().optional(),
};

const recipientIds = z.union([userIdSchema, z.array(userIdSchema).min(1, 'is empty')]);

/** A chat message: to one or many (102, 103), or to everyone or those named (104). */
const chatCommand = z
  .strictObject({
    command_id: z.union([z.literal(102), z.literal(103), z.literal(104)]),
    chat_to: recipientIds.optional(),
    content: z.string(),
    ...delivery,
  })
  .refine((command) => command.command_id === 104 || command.chat_to !== undefined, {
    path: ['chat_to'],
    message: 'is missing: only 104 goes to everyone',
  });

/** An application message: an object whose members go to the device as they are. */
const applicationCommand = z.strictObject({
  command_id: z.int().min(APPLICATION_DOWN.first).max(APPLICATION_DOWN.last),
  chat_to: recipientIds,
  content: z
    .record(z.string(), z.json())
    .refine((content) => RESERVED_MEMBERS.every((name) => !Object.hasOwn(content, name)), 'has a member id or sent_at'),
  ...delivery,
});

/** One command of POST /send-command. */
export const sendCommandSchema = z.union([chatCommand, applicationCommand]);
export type SendCommand = z.infer<typeof sendCommandSchema>;

/** The message body, in the plain form, that a command of `from` becomes. */
export function bodyOf(command: SendCommand, from: string): string {
  return typeof command.content === 'string'
    ? chatBody(JSON.stringify(from), JSON.stringify(command.content))
    : JSON.stringify(command.content);
}
