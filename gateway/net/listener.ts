import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import type { Log } from '../../shared/log.ts';
import { type AddressCount, Admission, type AdmissionSettings } from './admission.ts';
import type { Connection, ConnectionOwner } from './connection.ts';
import { peelProxyHeader } from './proxy-header.ts';

/** The kernel shortens it to its own net.core.somaxconn. */
const BACKLOG = 16_384;
/** Files that the process needs for other things than clients: Redis, health, logs. */
const FILES_RESERVED = 128;
/**
 * TCP keepalive: idle time before the first probe. Above the default HEARTBEAT_TIMEOUT_MS, so that a client that sends
 * heartbeats is never probed, and below the 350 s after which a load balancer forgets an idle connection. libuv then
 * sends ten probes in ten seconds.
 */
const KEEPALIVE_IDLE_MS = 120_000;
const TLS_MIN_VERSION = 'TLSv1.2' as const;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const PROXY_HEADER_TIMEOUT_MS = 5_000;

/** Why a connection was turned away before it had an owner; each has a row in the table of close reasons. */
export type ConnectionRefusal = 'gateway_full' | 'address_full' | 'accept_rate' | 'no_proxy_header' | 'tls_failed';

export interface ListenerSettings extends AdmissionSettings {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** 0: as many as the process may open files. */
  readonly maxConnections: number;
  readonly proxyProtocol: boolean;
}

export interface ListenerParts<Owner extends ConnectionOwner> {
  readonly settings: ListenerSettings;
  /** With it, every connection is made secure first. */
  readonly tls: SecureContextOptions | undefined;
  readonly counters: { accepts: number; refusedConnection(cause: ConnectionRefusal): void };
  readonly log: Pick<Log, 'trace' | 'debug' | 'error'>;
  /**
   * Makes the owner of a connection that was let in. `onlyUser`: the user whom the client's certificate names, who is the only
   * one it may verify as; undefined when no certificate was asked for.
   */
  readonly own: (
    connection: Connection,
    connectionId: number,
    address: AddressCount,
    onlyUser: string | undefined,
  ) => Owner;
}

/** A socket knows its owner and its listener, so that its event listeners are the same functions for all sockets. */
interface OwnedSocket<Owner extends ConnectionOwner> extends Socket {
  owner: Owner;
  listener: Listener<Owner>;
}

/** Accepts connections and gives each its owner. */
export class Listener<Owner extends ConnectionOwner> {
  readonly #parts: ListenerParts<Owner>;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  readonly #owners = new Set<Owner>();
  readonly #admission: Admission;
  #lastConnectionId = 0;

  constructor(parts: ListenerParts<Owner>) {
    const { settings, tls, counters } = parts;
    this.#parts = parts;
    this.#tls = tls ? this.#secureServer(tls) : undefined;
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_IDLE_MS };
    this.#server = createServer(options, (socket) => this.#accept(socket));
    const maxFiles = Math.max(1, fileLimit() - FILES_RESERVED);
    this.#server.maxConnections = Math.min(settings.maxConnections || maxFiles, maxFiles);
    this.#server.on('drop', () => counters.refusedConnection('gateway_full'));
    this.#admission = new Admission(settings, this.#server.maxConnections);
  }

  /** The number of open connections. */
  get size(): number {
    return this.#owners.size;
  }

  get owners(): Iterable<Owner> {
    return this.#owners;
  }

  /** Returns the port, which the system chose where 0 was asked for. Rejects when the port is taken. */
  async listen(): Promise<number> {
    const { host, port, reusePort } = this.#parts.settings;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG, reusePort }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // One connection that cannot be accepted must not end the others.
    this.#server.on('error', (error) =>
      this.#parts.log.error({ event: 'accept_failed', error: error.message }, 'could not accept'),
    );
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  /** Accepts no more connections; the open ones stay. */
  stop(): void {
    this.#server.close();
  }

  /** Cuts the connections that are left. */
  destroyAll(): void {
    for (const { connection } of this.#owners) connection.destroy();
  }

  /** New connections get this certificate; the open ones stay as they are. */
  renewTls(tls: SecureContextOptions): void {
    this.#tls?.setSecureContext({ ...tls, minVersion: TLS_MIN_VERSION });
  }

  #accept(socket: Socket): void {
    this.#parts.counters.accepts += 1;
    if (!this.#admission.mayAccept(performance.now())) return this.#turnAway(socket, 'accept_rate');
    if (this.#tls) this.#tls.emit('connection', socket);
    else if (this.#parts.settings.proxyProtocol) void this.#acceptProxied(socket);
    else this.#admit(socket, socket.remoteAddress ?? '', undefined);
  }

  async #acceptProxied(socket: Socket): Promise<void> {
    const from = await peelProxyHeader(socket, PROXY_HEADER_TIMEOUT_MS);
    if (from === undefined) return this.#parts.counters.refusedConnection('no_proxy_header');
    this.#admit(socket, from, undefined);
    socket.resume();
  }

  #secureServer(tls: SecureContextOptions): TlsServer {
    const needsCertificate = tls.ca !== undefined;
    const options = {
      requestCert: needsCertificate,
      rejectUnauthorized: needsCertificate,
      minVersion: TLS_MIN_VERSION,
    };
    return createTlsServer({ ...tls, ...options, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, (socket: TLSSocket) => {
      const certificate = needsCertificate ? socket.getPeerCertificate().subject.CN : undefined;
      const commonName = Array.isArray(certificate) ? certificate[0] : certificate;
      this.#admit(socket, socket.remoteAddress ?? '', needsCertificate ? (commonName ?? '') : undefined);
    }).on('tlsClientError', (error, socket) => {
      this.#parts.counters.refusedConnection('tls_failed');
      this.#parts.log.debug({ event: 'tls_failed', error: error.message }, 'a TLS handshake failed');
      socket.destroy();
    });
  }

  #admit(socket: Socket, from: string, onlyUser: string | undefined): void {
    const address = this.#admission.enter(from, this.#owners.size);
    if (address === undefined) return this.#turnAway(socket, 'address_full');
    this.#lastConnectionId += 1;
    const owner = this.#parts.own(socket, this.#lastConnectionId, address, onlyUser);
    this.#owners.add(owner);
    const owned = socket as OwnedSocket<Owner>;
    owned.owner = owner;
    owned.listener = this;
    socket.on('data', onData);
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    this.#parts.log.trace({ event: 'accepted', connection: this.#lastConnectionId, address: from }, 'accepted');
  }

  /** To be called when the connection of this owner is gone. */
  forget(owner: Owner): void {
    owner.onClosed();
    this.#owners.delete(owner);
    this.#admission.leave(owner.address);
  }

  #turnAway(socket: Socket, cause: ConnectionRefusal): void {
    this.#parts.counters.refusedConnection(cause);
    socket.on('error', () => socket.destroy());
    socket.destroy();
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket<ConnectionOwner>).owner.receive(chunk);
}

function onClose(this: Socket): void {
  const { listener, owner } = this as OwnedSocket<ConnectionOwner>;
  listener.forget(owner);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket<ConnectionOwner>).owner.onEnd();
}

function onError(this: Socket): void {
  (this as OwnedSocket<ConnectionOwner>).owner.onError();
}

/** How many files this process may open: what Linux says, else a common default. */
function fileLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return Number(line?.[1] ?? 65_535);
  } catch {
    return 65_535;
  }
}
