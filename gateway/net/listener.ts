import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { networkOf } from '../../shared/address.ts';
import type { GatewayContext } from '../context.ts';
import { type CloseReason, CloseReasons } from '../session/close-reasons.ts';
import type { AddressCount } from '../session/pending-auth.ts';
import { Session } from '../session/session.ts';
import { peelProxyHeader } from './proxy-header.ts';

/** The kernel shortens it to its own net.core.somaxconn. */
const BACKLOG = 16_384;
/** Files the process needs for other things than clients: Redis, health, logs. */
const FILES_RESERVED = 128;
/**
 * From when on our kernel asks a silent client's whether it is there: above the default HEARTBEAT_TIMEOUT_MS, so that nobody who sends
 * heartbeats is asked (libuv then asks ten times in ten seconds), and below the 350 s after which a load balancer forgets it.
 */
const KEEP_ALIVE_MS = 120_000;
const TLS_MIN_VERSION = 'TLSv1.2' as const;
const HANDSHAKE_MS = 10_000;
const PROXY_HEADER_MS = 5_000;
const BURST_SECONDS = 2;
/** Of all connections, what those may take that come when their address has MAX_UNVERIFIED_PER_ADDRESS already. */
const CROWD_SHARE = 0.95;

/** A socket knows its session and who accepted it, so that its listeners are the same functions for all. */
interface GatewaySocket extends Socket {
  session: Session;
  listener: Listener;
}

/** Accepts connections and gives each its session. */
export class Listener {
  readonly #context: GatewayContext;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  readonly #connections = new Set<Session>();
  readonly #addresses = new Map<string, AddressCount>();
  #lastConnectionId = 0;
  #accepts = Number.MAX_SAFE_INTEGER;
  #acceptsAtMs = 0;

  /** With `tls`, every connection is made secure first. */
  constructor(context: GatewayContext, tls: SecureContextOptions | undefined) {
    this.#context = context;
    this.#tls = tls ? this.#secureServer(tls) : undefined;
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = createServer(options, (socket) => this.#accept(socket));
    const mostFiles = Math.max(1, fileLimit() - FILES_RESERVED);
    this.#server.maxConnections = Math.min(context.config.maxConnections || mostFiles, mostFiles);
    this.#server.on('drop', () => context.counters.refusedConnection(CloseReasons.gatewayFull));
  }

  get size(): number {
    return this.#connections.size;
  }

  get sessions(): Iterable<Session> {
    return this.#connections;
  }

  /** Rejects when the port is taken. Answers the port, which the system chose where 0 was asked for. */
  async listen(): Promise<number> {
    const { host, port, reusePort } = this.#context.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: BACKLOG, reusePort }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // One connection that cannot be accepted must not end the others.
    this.#server.on('error', (error) =>
      this.#context.log.error({ event: 'accept_failed', error: error.message }, 'could not accept'),
    );
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  /** Accepts nobody any more; those who are here stay. */
  stop(): void {
    this.#server.close();
  }

  /** Cuts whoever is left. */
  destroyAll(): void {
    for (const session of this.#connections) session.socket.destroy();
  }

  /** Those who connect from now on get this certificate; the others stay as they are. */
  renewTls(tls: SecureContextOptions): void {
    this.#tls?.setSecureContext({ ...tls, minVersion: TLS_MIN_VERSION });
  }

  #accept(socket: Socket): void {
    this.#context.counters.accepts += 1;
    if (!this.#mayAccept(performance.now())) return this.#turnAway(socket, CloseReasons.acceptRate);
    if (this.#tls) this.#tls.emit('connection', socket);
    else if (this.#context.config.proxyProtocol) void this.#acceptProxied(socket);
    else this.#admit(socket, socket.remoteAddress ?? '');
  }

  /** Token bucket: a burst of two seconds' worth is let through. */
  #mayAccept(nowMs: number): boolean {
    const { maxAcceptsPerSecond: rate } = this.#context.config;
    if (rate === 0) return true;
    const earned = ((nowMs - this.#acceptsAtMs) * rate) / 1_000;
    this.#accepts = Math.min(BURST_SECONDS * rate, this.#accepts + earned);
    this.#acceptsAtMs = nowMs;
    if (this.#accepts < 1) return false;
    this.#accepts -= 1;
    return true;
  }

  async #acceptProxied(socket: Socket): Promise<void> {
    const address = await peelProxyHeader(socket, PROXY_HEADER_MS);
    if (address === undefined) return this.#context.counters.refusedConnection(CloseReasons.noProxyHeader);
    this.#admit(socket, address);
    socket.resume();
  }

  #secureServer(tls: SecureContextOptions): TlsServer {
    const needsCertificate = tls.ca !== undefined;
    const options = {
      requestCert: needsCertificate,
      rejectUnauthorized: needsCertificate,
      minVersion: TLS_MIN_VERSION,
    };
    return createTlsServer({ ...tls, ...options, handshakeTimeout: HANDSHAKE_MS }, (socket: TLSSocket) => {
      const certificate = needsCertificate ? socket.getPeerCertificate().subject.CN : undefined;
      const only = Array.isArray(certificate) ? certificate[0] : certificate;
      this.#admit(socket, socket.remoteAddress ?? '', needsCertificate ? (only ?? '') : undefined);
    }).on('tlsClientError', (error, socket) => {
      this.#context.counters.refusedConnection(CloseReasons.tlsFailed);
      this.#context.log.debug({ event: 'tls_failed', error: error.message }, 'a client could not be secured');
      socket.destroy();
    });
  }

  /** `onlyUser`: whom the client's certificate names; it may verify as nobody else. */
  #admit(socket: Socket, from: string, onlyUser?: string): void {
    const { config, log } = this.#context;
    const key = networkOf(from);
    const address = this.#addresses.get(key) ?? newAddress(key);
    const { maxConnectionsPerAddress: most, maxUnverifiedPerAddress: mostUnverified } = config;
    if (most > 0 && address.connections >= most) return this.#turnAway(socket, CloseReasons.addressFull);
    const isCrowded = mostUnverified > 0 && address.unverified >= mostUnverified;
    // One more may have a moment to send its verify, as long as there is room for other addresses.
    if (isCrowded && this.#connections.size >= CROWD_SHARE * this.#server.maxConnections)
      return this.#turnAway(socket, CloseReasons.addressFull);
    address.connections += 1;
    this.#addresses.set(key, address);

    this.#lastConnectionId += 1;
    const session = new Session(this.#context, socket, this.#lastConnectionId, address, onlyUser);
    this.#connections.add(session);
    const ours = socket as GatewaySocket;
    ours.session = session;
    ours.listener = this;
    socket.on('data', onData);
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    log.trace({ event: 'accepted', connection: session.connectionId, address: from }, 'accepted');
  }

  /** The connection is gone, whoever ended it. */
  forget(session: Session): void {
    session.close(CloseReasons.connectionLost);
    session.onSocketClosed();
    this.#connections.delete(session);
    const { address } = session;
    address.connections -= 1;
    if (address.connections === 0) this.#addresses.delete(address.network);
  }

  #turnAway(socket: Socket, reason: CloseReason): void {
    this.#context.counters.refusedConnection(reason);
    socket.on('error', () => socket.destroy());
    socket.destroy();
  }
}

function onData(this: Socket, chunk: Buffer): void {
  (this as GatewaySocket).session.intake.receive(chunk);
}

function onClose(this: Socket): void {
  const { listener, session } = this as GatewaySocket;
  listener.forget(session);
}

function onEnd(this: Socket): void {
  (this as GatewaySocket).session.close(CloseReasons.clientLeft);
}

function onError(this: Socket): void {
  (this as GatewaySocket).session.close(CloseReasons.connectionLost);
}

function newAddress(network: string): AddressCount {
  return { network, connections: 0, unverified: 0, verifiedAtMs: Number.NEGATIVE_INFINITY };
}

/** How many files this process may open; what Linux says, else a common default. */
function fileLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return Number(line?.[1] ?? 65_535);
  } catch {
    return 65_535;
  }
}
