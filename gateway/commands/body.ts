import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { MAX_ACKNOWLEDGED_IDS } from '../../contract/wire/command-ids.ts';
import { userIdSchema } from '../../contract/wire/commands.ts';
import type { Frame } from '../session/frame-reader.ts';

/** A reference of the client's own, which 110 and 111 repeat. */
export const refSchema = z.union([
  z.string().max(128),
  // One that a double cannot hold would be repeated as another.
  z.number().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
]);

/** Existing tokens have any form; only their length is bounded. */
const tokenSchema = z.string().min(1).max(4_096);

/** Other members are ignored, `chat_from` among them: the sender is known from the verify. */
export const verifySchema = z.object({
  phone_number: userIdSchema,
  token: tokenSchema,
  features: z.array(z.string()).optional(),
  /** Not validated: a value that is not a number is ignored. */
  max_frame_bytes: z.unknown().optional(),
});
export const singleSchema = z.object({ chat_to: userIdSchema, chat_content: z.string(), ref: refSchema.optional() });
export const groupSchema = z.object({
  chat_to: z.array(z.string()).min(1),
  chat_content: z.string(),
  ref: refSchema.optional(),
});
export const broadcastSchema = z.object({ chat_content: z.string(), ref: refSchema.optional() });
export const acknowledgeSchema = z.object({ ids: z.array(z.string().regex(/^\d{1,16}$/)).max(MAX_ACKNOWLEDGED_IDS) });

/** `ask` is the id of the message that asked; `reply` any JSON, and must be there. */
export const replySchema = z
  .object({ ask: z.string().regex(/^\d{1,16}$/), reply: z.unknown() })
  .refine((body) => body.reply !== undefined, 'has no reply');

/** Returns the JSON of a body that fits its schema; undefined for anything else. */
export function parseBody<T>(frame: Frame, schema: z.ZodType<T>): T | undefined {
  const result = schema.safeParse(parseJsonBytes(frame.body));
  return result.success ? result.data : undefined;
}

export function parseJsonBytes(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns the `ref` of a body that is refused, so that its sender knows which one it was. */
export function refOf(frame: Frame): string | number | undefined {
  const body = z.object({ ref: refSchema }).safeParse(parseJsonBytes(frame.body));
  return body.success ? body.data.ref : undefined;
}
