import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import type { Log } from '../../functions/runtime/log.ts';
import { createRuntime } from '../../functions/runtime/runtime.ts';
import { readBody } from './body.ts';
import { eventOf, headersOf, targetOf } from './event.ts';
import { createHandlers } from './handlers.ts';
import { prettyLog } from './pretty-log.ts';
import { refused, refuseSocket } from './refuse.ts';
import { createRouter } from './router.ts';

/** API Gateway's own limit. The limit of the handlers is lower, and their refusal is in the caller's language. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** From the first byte to the end of the headers, and of the whole request: a slow peer holds a socket only for a short time. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
/**
 * Time limit for requests in flight when the server closes: a response takes at most 2 s, a login a little more. A call with
 * `wait` may take up to 25 s: its connection is then closed without a response, but its command was accepted before the wait.
 */
const CLOSE_TIMEOUT_MS = 5_000;

interface ApiOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** The functions' environment: docs/configuration.md. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: on standard output, as LOG_FORMAT says. */
  readonly log?: Log;
}

export interface Api {
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets requests in flight end, closes Redis. */
  close(): Promise<void>;
}

/**
 * The HTTP API on this machine: the handlers that are deployed, behind an HTTP server that stands in for API Gateway.
 * Throws EnvironmentError, or the listener's error (`code` EADDRINUSE, EACCES). Redis need not be there yet.
 */
export async function startApi({ port, host = '127.0.0.1', env, log }: ApiOptions): Promise<Api> {
  const { LOG_FORMAT, LOG_LEVEL } = readEnvironment(env);
  const runtime = await createRuntime(env, log ?? (LOG_FORMAT === 'pretty' ? prettyLog(LOG_LEVEL) : undefined));
  const handlers = createHandlers(runtime);
  const find = createRouter();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const all = headersOf(request.rawHeaders);
    const language = all.headers['accept-language'];
    const target = targetOf(request.url ?? '/');
    if (!isDecodable(target.path)) return refuse(response, 400, 'bad_path', language);
    const body = await readBody(request, all.headers, MAX_BODY_BYTES);
    if (body === undefined) return refuse(response, 413, 'too_large', language);
    const match = find(request.method ?? 'GET', target.path);
    const {
      statusCode = 200,
      headers,
      body: text = '',
      isBase64Encoded,
    } = await handlers[match.function](eventOf(request, all, target, match, body));
    // Text leaves in one write with the headers, bytes do not.
    const content = isBase64Encoded ? Buffer.from(text, 'base64') : text;
    const hasNoBody = statusCode === 204 || statusCode === 304;
    const length = hasNoBody ? {} : { 'content-length': Buffer.byteLength(content) };
    response.writeHead(statusCode, { ...headers, ...length });
    response.end(request.method === 'HEAD' ? undefined : content);
  }

  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    },
    (request, response) => {
      answer(request, response).catch((error: Error) => {
        // A peer may disconnect while it sends; any other error is a mistake in our code.
        if (!request.destroyed) runtime.log.error({ event: 'request_failed', error: error.message });
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'internal', request.headers['accept-language']);
      });
    },
  );
  server.on('clientError', (error, socket) => refuseSocket(socket, error));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await runtime.redis.close();
    throw error;
  }
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  return {
    port: listening,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await closed;
      clearTimeout(timer);
      await runtime.redis.close();
    },
  };
}

function refuse(response: ServerResponse, ...[status, reason, language]: Parameters<typeof refused>): void {
  const { headers, body } = refused(status, reason, language);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** `%E4` alone, or a lone `%`, is no text. */
function isDecodable(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
