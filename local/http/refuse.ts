import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { JSON_HEADERS } from '../../functions/http/headers.ts';
import { MESSAGES, type Reason } from '../../functions/http/messages.ts';
import { languageOf } from '../../functions/http/text.ts';

interface Refused {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Refusals of API Gateway itself, before there is an event, in our form. */
export function refused(status: number, reason: Reason, acceptLanguage?: string): Refused {
  const body = JSON.stringify({ code: 0, error: reason, message: MESSAGES[reason][languageOf(acceptLanguage)] });
  return { status, headers: { ...JSON_HEADERS, connection: 'close' }, body };
}

/** Input that is not HTTP, or did not come in time: there is no request to respond to, only a socket. */
export function refuseSocket(socket: Duplex, error: NodeJS.ErrnoException): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const { headers, body } = refused(status, 'malformed');
  const lines = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(body)) });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`;
  socket.end(head + body);
}
