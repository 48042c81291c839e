import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { ChatScanner, fromWireText, wireText } from '../../contract/wire/chat-text.ts';
import { MAX_USER_ID_LENGTH } from '../../contract/wire/commands.ts';
import type { Chat } from '../routing/router.ts';
import type { Frame } from '../session/frame-reader.ts';
import { broadcastSchema, parseBody, singleSchema } from './body.ts';

const scanner = new ChatScanner();

/**
 * Nearly all chats are not parsed: a scanner finds the two members that matter, and the content goes on as it was
 * written. A body that the scanner does not take is parsed, and checked by its schema.
 */
export function readSingle(frame: Frame): { chat: Chat; to: string } | undefined {
  if (scan(frame) && scanner.to !== undefined) {
    const to = scanner.isAscii ? scanner.to : fromWireText(scanner.to);
    // UTF-8 is well-formed: of the schema's rules for an id, only the length is left to check.
    if (to === '' || to.length > MAX_USER_ID_LENGTH) return undefined;
    return { chat: { version: frame.version, content: scanner.content, ref: undefined }, to };
  }
  const body = parseBody(frame, singleSchema);
  return body && { chat: chatOf(frame, body), to: body.chat_to };
}

export function readBroadcast(frame: Frame): Chat | undefined {
  if (scan(frame)) return { version: frame.version, content: scanner.content, ref: undefined };
  const body = parseBody(frame, broadcastSchema);
  return body && chatOf(frame, body);
}

export function chatOf(frame: Frame, body: z.infer<typeof broadcastSchema>): Chat {
  return { version: frame.version, content: wireText(JSON.stringify(body.chat_content)), ref: body.ref };
}

function scan(frame: Frame): boolean {
  const text = frame.wireText;
  return scanner.scan(text) && (scanner.isAscii || isUtf8(frame.body));
}
