/** Redis's reply: strings as the bytes that they are; an error may stand inside the array that EXEC gives. */
export type Reply = Buffer | string | number | null | Error | readonly Reply[];

/** How a reply is put into JSON when the request asks for `Upstash-Encoding: base64`. */
export function asBase64(reply: Reply): unknown {
  // At the top, OK is left as it is: @upstash/redis looks for it before it decodes. Inside an array it decodes all.
  return isOk(reply) ? 'OK' : convert(reply, 'base64');
}

/** How a reply is put into JSON otherwise: bytes that are not UTF-8 are lost. */
export function asText(reply: Reply): unknown {
  return convert(reply, 'utf8');
}

function convert(reply: Reply, encoding: 'base64' | 'utf8'): unknown {
  if (reply === null || typeof reply === 'number') return reply;
  if (reply instanceof Error) return reply.message;
  if (typeof reply === 'string') return Buffer.from(reply).toString(encoding);
  if (Buffer.isBuffer(reply)) return reply.toString(encoding);
  return (reply as readonly Reply[]).map((element) => convert(element, encoding));
}

function isOk(reply: Reply): boolean {
  return reply === 'OK' || (Buffer.isBuffer(reply) && reply.toString() === 'OK');
}
