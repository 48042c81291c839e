import type { SecureContextOptions } from 'node:tls';
import type { Connection } from './connection.ts';

/**
 * The network as the gateway sees it: sockets and bytes, nothing else. Two implementations: node-network.ts (node:net and TLS, the
 * reference) and native-network.ts (a compiled addon). test/net/contract.test.ts runs on both.
 */
export interface Network {
  readonly kind: NetworkKind;
  /** Rejects when the port is taken. Returns the port, which the system chose where 0 was asked for. */
  listen(options: ListenOptions, events: AcceptEvents): Promise<number>;
  /** Accepts no more connections; those that are open stay. */
  stopAccepting(): void;
  /** Connections from now on get this certificate; the others stay as they are. */
  renewTls(tls: SecureContextOptions): void;
  /** Sends what `write` gathered. To be called once for many connections. */
  flush(): void;
}

export type NetworkKind = 'node' | 'native';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
  readonly reusePort: boolean;
  /** TCP keepalive: idle time before the first probe. */
  readonly keepAliveMs: number;
  /** Over it a connection is closed as soon as it is accepted. */
  readonly maxConnections: number;
}

export interface AcceptEvents {
  /** Asked before anything else is done with a connection; `false` closes it. */
  mayAccept(): boolean;
  /** Sets `connection.events` before it returns. Nothing is read before. */
  onConnection(connection: Connection): void;
  /** Follows `events.onClosed`. */
  onClosed(connection: Connection): void;
  /** A connection was closed, because of `maxConnections`. */
  onDropped(): void;
  /** The system has no descriptor, or no memory, for the next connection. It is tried again. */
  onAcceptError(error: Error): void;
  /** A client could not be secured. */
  onTlsError(error: Error): void;
}
