import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { ChatScanner, scannedIds } from '../../contract/wire/chat-text.ts';
import { isUserId } from '../../contract/wire/commands.ts';
import type { Chat } from '../routing/router.ts';
import type { Frame } from '../session/frame-reader.ts';
import { broadcastSchema, groupSchema, parseBody, singleSchema } from './body.ts';

const scanner = new ChatScanner();

/**
 * Nearly all chats are not parsed: a scanner finds the two members that matter, and the content goes on as it was
 * written. A body that the scanner does not take is parsed, and checked by its schema.
 */
export function readSingle(frame: Frame): { chat: Chat; to: string } | undefined {
  if (scan(frame) && scanner.toStart >= 0 && !scanner.toIsList) {
    const { toStart, toEnd, isAscii } = scanner;
    const to = frame.bodySource.toString(isAscii ? 'latin1' : 'utf8', toStart, toEnd);
    return isUserId(to) ? { chat: scannedChat(frame), to } : undefined;
  }
  const body = parseBody(frame, singleSchema);
  return body && { chat: parsedChat(frame, body), to: body.chat_to };
}

export function readGroup(frame: Frame): { chat: Chat; to: readonly string[] } | undefined {
  if (scan(frame) && scanner.toStart >= 0 && scanner.toIsList) {
    const { toStart, toEnd, isAscii } = scanner;
    return { chat: scannedChat(frame), to: scannedIds(frame.bodySource, toStart, toEnd, isAscii) };
  }
  const body = parseBody(frame, groupSchema);
  return body && { chat: parsedChat(frame, body), to: body.chat_to };
}

export function readBroadcast(frame: Frame): Chat | undefined {
  if (scan(frame)) return scannedChat(frame);
  const body = parseBody(frame, broadcastSchema);
  return body && parsedChat(frame, body);
}

function scan(frame: Frame): boolean {
  const { bodySource, bodyStart, bodyBytes } = frame;
  return scanner.scan(bodySource, bodyStart, bodyStart + bodyBytes) && (scanner.isAscii || isUtf8(frame.body));
}

function scannedChat({ version, bodySource }: Frame): Chat {
  const { contentStart, contentEnd } = scanner;
  return { version, source: bodySource, start: contentStart, end: contentEnd, ref: undefined };
}

function parsedChat({ version }: Frame, { chat_content, ref }: z.infer<typeof broadcastSchema>): Chat {
  const source = Buffer.from(JSON.stringify(chat_content));
  return { version, source, start: 0, end: source.length, ref };
}
