import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

const EMPTY = Buffer.alloc(0);
/** So many bytes of a too large body are still read and discarded, so that the peer gets the response. */
const DISCARDED_BYTES = 64 * 1024 * 1024;

/** The whole body, or undefined when it is over `maxBytes`. Holds no more than that. */
export function readBody(
  request: IncomingMessage,
  headers: Pick<IncomingHttpHeaders, 'content-length' | 'transfer-encoding'>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    return Promise.resolve(EMPTY);
  }
  // By events: an iterator over the stream takes ten times as long for a small body.
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else chunks = [];
      if (bytes > maxBytes + DISCARDED_BYTES) {
        resolve(undefined);
        request.destroy();
      }
    });
    request.on('end', () => {
      const [first = EMPTY] = chunks;
      resolve(bytes > maxBytes ? undefined : chunks.length > 1 ? Buffer.concat(chunks) : first);
    });
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('the connection ended within the request'));
    });
  });
}
