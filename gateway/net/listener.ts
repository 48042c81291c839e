import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import type { Log } from '../../shared/log.ts';
import { type AddressCount, Admission, type AdmissionSettings } from './admission.ts';
import type { Connection, ConnectionOwner } from './connection.ts';
import type { AcceptEvents, Network } from './port.ts';
import { ProxyHeaderReader } from './proxy-header.ts';

/** The kernel shortens it to its own net.core.somaxconn. */
const BACKLOG = 16_384;
/** Files that the process needs for other things than clients: Redis, health, logs. */
const FILES_RESERVED = 128;
/**
 * TCP keepalive: idle time before the first probe. Above the default HEARTBEAT_TIMEOUT_MS, so that a client that sends
 * heartbeats is never probed, and below the 350 s after which a load balancer forgets an idle connection. Then follow
 * ten probes in ten seconds.
 */
const KEEPALIVE_IDLE_MS = 120_000;
const PROXY_HEADER_TIMEOUT_MS = 5_000;

/** Why a connection was turned away before it had an owner; each has a row in the table of close reasons. */
export type ConnectionRefusal = 'gateway_full' | 'address_full' | 'accept_rate' | 'no_proxy_header' | 'tls_failed';

interface ListenerSettings extends AdmissionSettings {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** 0: as many as the process may open files. */
  readonly maxConnections: number;
  readonly proxyProtocol: boolean;
}

interface ListenerParts<Owner extends ConnectionOwner> {
  readonly settings: ListenerSettings;
  readonly network: Network;
  readonly counters: { accepts: number; refusedConnection(cause: ConnectionRefusal): void };
  readonly log: Pick<Log, 'trace' | 'debug' | 'error'>;
  /**
   * Makes the owner of an admitted connection. `onlyUser`: the user whom the client's certificate names, who is the only
   * one it may verify as; undefined when no certificate was asked for.
   */
  readonly makeOwner: (
    connection: Connection,
    connectionId: number,
    address: AddressCount,
    onlyUser: string | undefined,
  ) => Owner;
}

/** Lets connections in and gives each its owner. */
export class Listener<Owner extends ConnectionOwner> implements AcceptEvents {
  readonly #parts: ListenerParts<Owner>;
  readonly #owners = new Set<ConnectionOwner>();
  readonly #maxConnections: number;
  readonly #admission: Admission;
  #lastConnectionId = 0;

  constructor(parts: ListenerParts<Owner>) {
    const { settings } = parts;
    this.#parts = parts;
    const maxFiles = Math.max(1, fileLimit() - FILES_RESERVED);
    this.#maxConnections = Math.min(settings.maxConnections || maxFiles, maxFiles);
    this.#admission = new Admission(settings, this.#maxConnections);
  }

  /** The number of open connections. */
  get size(): number {
    return this.#owners.size;
  }

  get owners(): Iterable<Owner> {
    return this.#owners as Set<Owner>;
  }

  /** Returns the port, which the system chose where 0 was asked for. Rejects when the port is taken. */
  listen(): Promise<number> {
    const { settings, network } = this.#parts;
    const { host, port, reusePort } = settings;
    const maxConnections = this.#maxConnections;
    return network.listen(
      { host, port, reusePort, backlog: BACKLOG, keepAliveMs: KEEPALIVE_IDLE_MS, maxConnections },
      this,
    );
  }

  /** Accepts no more connections; the open ones stay. */
  stop(): void {
    this.#parts.network.stopAccepting();
  }

  /** Cuts the connections that are left. */
  destroyAll(): void {
    for (const { connection } of this.#owners) connection.destroy();
  }

  /** New connections get this certificate; the open ones stay as they are. */
  renewTls(tls: SecureContextOptions): void {
    this.#parts.network.renewTls(tls);
  }

  // --- for the network

  mayAccept(): boolean {
    this.#parts.counters.accepts += 1;
    if (this.#admission.mayAccept(performance.now())) return true;
    this.#parts.counters.refusedConnection('accept_rate');
    return false;
  }

  onConnection(connection: Connection): void {
    if (!this.#parts.settings.proxyProtocol) return this.#admit(connection, connection.remoteAddress ?? '');
    connection.events = new ProxyHeaderReader(connection, PROXY_HEADER_TIMEOUT_MS, (from) => {
      if (from === undefined) this.#parts.counters.refusedConnection('no_proxy_header');
      else this.#admit(connection, from);
    });
  }

  onClosed(connection: Connection): void {
    const owner = connection.events as ConnectionOwner;
    if (this.#owners.delete(owner)) this.#admission.leave(owner.address);
  }

  onDropped(): void {
    this.#parts.counters.refusedConnection('gateway_full');
  }

  onAcceptError(error: Error): void {
    this.#parts.log.error({ event: 'accept_failed', error: error.message }, 'could not accept');
  }

  onTlsError(error: Error): void {
    this.#parts.counters.refusedConnection('tls_failed');
    this.#parts.log.debug({ event: 'tls_failed', error: error.message }, 'a TLS handshake failed');
  }

  #admit(connection: Connection, from: string): void {
    const address = this.#admission.enter(from, this.#owners.size);
    if (address === undefined) {
      this.#parts.counters.refusedConnection('address_full');
      connection.destroy();
      return;
    }
    this.#lastConnectionId += 1;
    const owner = this.#parts.makeOwner(connection, this.#lastConnectionId, address, connection.certificateName);
    this.#owners.add(owner);
    connection.events = owner;
    this.#parts.log.trace({ event: 'accepted', connection: this.#lastConnectionId, address: from }, 'accepted');
  }
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
