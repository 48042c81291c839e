import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import {
  type AcceptEvents,
  type Connection,
  type ConnectionEvents,
  DISCARD,
  type ListenOptions,
  type Network,
} from './port.ts';

const NOTHING = Buffer.alloc(0);
const TLS_MIN_VERSION = 'TLSv1.2' as const;
const HANDSHAKE_MS = 10_000;

/** A socket knows its connection, so that its listeners are the same functions for all. */
interface OwnedSocket extends Socket {
  connection: NodeConnection;
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
    const server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs, allowHalfOpen: true },
      (socket) => {
        if (!events.mayAccept()) refuse(socket);
        else if (this.#tlsServer) this.#tlsServer.emit('connection', socket);
        else events.onConnection(connectionOf(socket, undefined));
      },
    );
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
  return createTlsServer({ ...tls, ...options, handshakeTimeout: HANDSHAKE_MS }, (socket: TLSSocket) => {
    const name = needsCertificate ? socket.getPeerCertificate().subject.CN : undefined;
    const only = Array.isArray(name) ? name[0] : name;
    events.onConnection(connectionOf(socket, needsCertificate ? (only ?? '') : undefined));
  }).on('tlsClientError', (error, socket) => {
    socket.destroy();
    events.onTlsError(error);
  });
}

function refuse(socket: Socket): void {
  socket.on('error', onError);
  socket.destroy();
}

function connectionOf(socket: Socket, certificateName: string | undefined): NodeConnection {
  const connection = new NodeConnection(socket, certificateName);
  (socket as OwnedSocket).connection = connection;
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('error', onError);
  socket.on('close', onClose);
  return connection;
}

class NodeConnection implements Connection {
  events: ConnectionEvents = DISCARD;
  readonly remoteAddress: string;
  readonly certificateName: string | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, certificateName: string | undefined) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.certificateName = certificateName;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (!this.#socket.writableEnded && !this.#socket.destroyed) this.#socket.write(bytes);
  }

  onceDrained(callback: () => void): void {
    this.#socket.write(NOTHING, (error) => {
      if (!error) callback();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(bytes?: Buffer): void {
    if (this.#socket.writableEnded) return;
    if (bytes) this.#socket.end(bytes);
    else this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket).connection.events.onData(chunk);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket).connection.events.onEnd();
}

function onError(): void {
  // 'close' follows.
}

function onClose(this: Socket): void {
  (this as OwnedSocket).connection.events.onClose();
}
