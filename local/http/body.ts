import type { IncomingMessage } from 'node:http';

const EMPTY = Buffer.alloc(0);
/** So many bytes of a too large body are still read and discarded, so that the peer gets the response. */
const DISCARDED_BYTES = 64 * 1024 * 1024;

/** The whole body, or undefined when it is over `maxBytes`. Holds no more than that. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const { 'content-length': announced, 'transfer-encoding': encoding } = request.headers;
  if (announced === undefined && encoding === undefined) return EMPTY;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > maxBytes + DISCARDED_BYTES) break;
  }
  if (bytes > maxBytes) return undefined;
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
