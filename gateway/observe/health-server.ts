import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import type { Log } from '../../shared/log.ts';
import type { DebugEndpoints } from './debug.ts';

/** For a request, and between two. */
const TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

interface HealthServerParts {
  readonly isReady: () => boolean;
  /** Whether it has been ready once. It stays true: an outage of Redis must not end gateways with clients. */
  readonly hasStarted: () => boolean;
  readonly metrics: Registry;
  readonly debug: DebugEndpoints | undefined;
  readonly log: Pick<Log, 'error'>;
  readonly timeoutMs?: number;
}

/**
 * HTTP on the health port: `/healthz` the process responds (independent of Redis: an outage must not end every
 * gateway), `/readyz` it may be sent clients, `/startupz` it has been ready once, `/metrics` Prometheus text, and
 * `/debug/…` where that was asked for.
 */
export class HealthServer {
  readonly #server: Server;
  readonly #log: HealthServerParts['log'];
  /** In the order in which they came. */
  readonly #connections = new Set<Socket>();

  constructor(parts: HealthServerParts) {
    const { timeoutMs = TIMEOUT_MS } = parts;
    this.#log = parts.log;
    this.#server = createServer((request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'only GET\n');
      const path = request.url?.split('?')[0];
      if (path === '/healthz') return answer(response, 200, 'ok\n');
      if (path === '/readyz')
        return parts.isReady() ? answer(response, 200, 'ready\n') : answer(response, 503, 'not ready\n');
      if (path === '/startupz')
        return parts.hasStarted() ? answer(response, 200, 'started\n') : answer(response, 503, 'not started\n');
      if (parts.debug && path?.startsWith('/debug/'))
        return answerDebug(parts.debug, request.url ?? '', response, timeoutMs);
      if (path !== '/metrics') return answer(response, 404, 'not found\n');
      parts.metrics.metrics().then(
        (text) => answer(response, 200, text, parts.metrics.contentType),
        () => answer(response, 500, 'metrics failed\n'),
      );
    });
    this.#server.requestTimeout = timeoutMs;
    this.#server.headersTimeout = timeoutMs;
    this.#server.keepAliveTimeout = timeoutMs;
    this.#server.setTimeout(timeoutMs);
    this.#server.on('connection', (socket) => this.#makeRoom(socket));
  }

  /** A health check always gets in: of too many connections the one that came first goes. */
  #makeRoom(socket: Socket): void {
    const [oldest] = this.#connections;
    if (oldest && this.#connections.size >= MAX_CONNECTIONS) {
      this.#connections.delete(oldest);
      oldest.destroy();
    }
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
  }

  /** Rejects when the port is taken. Returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // One connection that cannot be accepted must not end the gateway.
    this.#server.on('error', (error) =>
      this.#log.error({ event: 'accept_failed', error: error.message }, 'could not accept on the health port'),
    );
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function answerDebug(debug: DebugEndpoints, path: string, response: ServerResponse, timeoutMs: number): void {
  // A profile takes as long as its caller asks for.
  response.setTimeout(0);
  debug
    .answer(new URL(path, 'http://localhost'))
    .finally(() => response.setTimeout(timeoutMs))
    .then(
      ({ status, body }) => answer(response, status, JSON.stringify(body), 'application/json'),
      (error: unknown) => answer(response, 500, `${String(error)}\n`),
    );
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
}
