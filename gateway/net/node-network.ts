import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type Connection, type ConnectionEvents, DISCARD } from './connection.ts';
import type { AcceptEvents, ListenOptions, Network } from './port.ts';

const TLS_MIN_VERSION = 'TLSv1.2' as const;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A socket of Node with the members of a connection. It holds its receiver, so that its event listeners are the same functions for all sockets. */
interface NodeConnection extends Socket {
  events: ConnectionEvents;
  accept: AcceptEvents;
  certificateName: string | undefined;
  unsentBytes(): number;
}

/** node:net, and TLS: always there, and the reference for the other one. */
export class NodeNetwork implements Network {
  readonly kind = 'node';
  readonly #tls: SecureContextOptions | undefined;
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;

  /** With `tls`, every connection is made secure first. */
  constructor(tls: SecureContextOptions | undefined) {
    this.#tls = tls;
  }

  async listen(options: ListenOptions, events: AcceptEvents): Promise<number> {
    const { host, port, backlog, reusePort, keepAliveMs, maxConnections } = options;
    if (this.#tls) this.#tlsServer = secureServer(this.#tls, events);
    // The owner gets the peer's end, and ends our side.
    const settings = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs, allowHalfOpen: true };
    const server = createServer(settings, (socket) => {
      if (!events.mayAccept()) refuse(socket);
      else if (this.#tlsServer) this.#tlsServer.emit('connection', socket);
      else handOver(withoutEndListener(socket), undefined, events);
    });
    this.#server = server;
    server.maxConnections = maxConnections;
    server.on('drop', () => events.onDropped());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog, reusePort }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // One connection that cannot be accepted must not end the others.
    server.on('error', (error) => events.onAcceptError(error));
    const address = server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  stopAccepting(): void {
    this.#server?.close();
  }

  renewTls(tls: SecureContextOptions): void {
    this.#tlsServer?.setSecureContext({ ...tls, minVersion: TLS_MIN_VERSION });
  }

  flush(): void {
    // Every write was handed over at once.
  }
}

function secureServer(tls: SecureContextOptions, events: AcceptEvents): TlsServer {
  const needsCertificate = tls.ca !== undefined;
  const options = { requestCert: needsCertificate, rejectUnauthorized: needsCertificate, minVersion: TLS_MIN_VERSION };
  return createTlsServer({ ...tls, ...options, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, (socket: TLSSocket) => {
    const name = needsCertificate ? socket.getPeerCertificate().subject.CN : undefined;
    const commonName = Array.isArray(name) ? name[0] : name;
    handOver(socket, needsCertificate ? (commonName ?? '') : undefined, events);
  }).on('tlsClientError', (error, socket) => {
    socket.destroy();
    events.onTlsError(error);
  });
}

function refuse(socket: Socket): void {
  socket.on('error', onError);
  socket.destroy();
}

function handOver(socket: Socket, certificateName: string | undefined, accept: AcceptEvents): void {
  const connection = Object.assign(socket, { events: DISCARD, accept, certificateName, unsentBytes });
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('error', onError);
  socket.on('close', onClose);
  accept.onConnection(connection as Connection);
  forgetAddress(socket);
}

/** With allowHalfOpen, Node's own 'end' listener does nothing. Removing it leaves one listener per socket instead of an array of two. */
function withoutEndListener(socket: Socket): Socket {
  for (const listener of socket.rawListeners('end')) socket.off('end', listener as () => void);
  return socket;
}

/** Once the address was read, Node keeps an object and strings of it in each connection. Read again, it is made again. */
function forgetAddress(socket: Socket & { _peername?: unknown }): void {
  if (socket._peername !== undefined) socket._peername = undefined;
}

/** Node has no public name for it; its own socket timeout measures progress by the same number. */
function unsentBytes(this: Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }): number {
  return this._handle?.writeQueueSize ?? this.writableLength;
}

function onData(this: Socket, chunk: Buffer): void {
  (this as NodeConnection).events.receive(chunk);
}

function onEnd(this: Socket): void {
  (this as NodeConnection).events.onEnd();
}

function onError(): void {
  // 'close' follows.
}

function onClose(this: Socket): void {
  const connection = this as NodeConnection;
  connection.events.onClosed();
  connection.accept.onClosed(connection as Connection);
}
