/**
 * The message to a recipient: the JSON body of 102–104 and 2000–2999, in its wire forms.
 *
 * Bodies are joined from JSON text, never parsed and encoded again, so that a producer's text arrives
 * unchanged. The blanks after `:` and `,` are those that existing clients have always been sent.
 */

import { allocateFrame, HEADER_BYTES } from './frame.ts';

/** Message ids count parts of a millisecond of Redis's clock. */
export const IDS_PER_MS = 1_024;

/** Body of 102–104 from two pieces of JSON text: `chatFrom` a JSON string, `chatContent` any JSON value. */
export function chatBody(chatFromJson: string, chatContentJson: string): string {
  return `${chatHead(chatFromJson)}${chatContentJson}}`;
}

/** The text before the content in the body of a chat; one brace follows it. */
export function chatHead(chatFromJson: string): string {
  return `{"chat_from": ${chatFromJson}, "chat_content": `;
}

/** JSON text as UTF-8: these bytes. */
export interface JsonBytes {
  readonly source: Buffer;
  readonly start: number;
  readonly end: number;
}

const BRACE = 0x7d;

/** Bytes of the body of a chat. */
export function chatBytes(head: Buffer, { start, end }: JsonBytes): number {
  return head.length + end - start + 1;
}

/** The frame of a chat, joined from bytes; `head` is the UTF-8 of a `chatHead`. */
export function encodeChat(version: number, commandId: number, head: Buffer, content: JsonBytes): Buffer {
  const frame = allocateFrame(version, commandId, chatBytes(head, content));
  frame.set(head, HEADER_BYTES);
  content.source.copy(frame, HEADER_BYTES + head.length, content.start, content.end);
  frame[frame.length - 1] = BRACE;
  return frame;
}

/** The body of that frame as text. */
export function chatText(head: Buffer, { source, start, end }: JsonBytes): string {
  return `${head.toString()}${source.toString('utf8', start, end)}}`;
}

/** The form for `ack` clients: `id` and `sent_at` are added to the members of `body`, the JSON text of an object. */
export function withId(body: string, messageId: string): string {
  return withMembers(body, `"id": "${messageId}", "sent_at": ${sentAtMs(messageId)}`);
}

/** The form that requests a reply from clients with features: the client repeats `ask` in its reply. */
export function withAsk(body: string, messageId: string): string {
  return withMembers(body, `"ask": "${messageId}"`);
}

function withMembers(body: string, more: string): string {
  const members = body.slice(0, body.lastIndexOf('}'));
  const separator = /^\s*\{\s*$/.test(members) ? '' : ', ';
  return `${members}${separator}${more}}`;
}

const HIGHEST_ID = String(Number.MAX_SAFE_INTEGER);
/** The longest text that the forms for clients with features add to the plain one. */
const BESIDE_BYTES = withId('{"":0}', HIGHEST_ID).length - '{"":0}'.length;
const ASK_BYTES = `, "ask": "${HIGHEST_ID}"`.length;

/** Size of the largest frame for this body, bytes: with `id` and `sent_at`, and with `ask` where a reply is requested. */
export function largestFrameBytes(body: string, { asks = false } = {}): number {
  return largestFrameOf(Buffer.byteLength(body)) + (asks ? ASK_BYTES : 0);
}

/** Bytes of the largest frame for a body of `bodyBytes` that asks for no reply. */
export function largestFrameOf(bodyBytes: number): number {
  return HEADER_BYTES + bodyBytes + BESIDE_BYTES;
}

/** When a message was accepted, in Unix milliseconds. */
export function sentAtMs(messageId: string): number {
  return Math.floor(Number(messageId) / IDS_PER_MS);
}
