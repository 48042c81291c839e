import type { SecureContextOptions } from 'node:tls';

/**
 * The network as the gateway sees it: sockets and bytes, nothing else. Two implementations: node-network.ts (node:net and TLS, the
 * reference) and native-network.ts (a compiled addon). test/net/contract.test.ts runs on both. Names are those of node:net.
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
  /** A connection was closed, because of `maxConnections`. */
  onDropped(): void;
  /** The system has no descriptor, or no memory, for the next connection. It is tried again. */
  onAcceptError(error: Error): void;
  /** A client could not be secured. */
  onTlsError(error: Error): void;
}

/** One TCP connection. */
export interface Connection {
  /** Whoever is told what happens. May be replaced at any time. */
  events: ConnectionEvents;
  readonly remoteAddress: string;
  /** The common name in the client's certificate; undefined: no certificate was asked for. */
  readonly certificateName: string | undefined;
  readonly destroyed: boolean;
  readonly bytesRead: number;
  /** Bytes that the kernel took. */
  readonly bytesWritten: number;
  /** Bytes that the kernel has not taken yet. Sends what was gathered first. */
  readonly writableLength: number;
  /** Hands `bytes` to the kernel, at the latest with the next `flush`; they must not change until then. */
  write(bytes: Buffer): void;
  /** Calls back when the kernel has taken everything; never if the connection ends before. */
  onceDrained(callback: () => void): void;
  /** No `onData` and no `onEnd` until `resume`. What has arrived already is kept, at most one read of it. */
  pause(): void;
  resume(): void;
  /** Sends the rest, then an end. The connection closes when the peer has sent its own. */
  end(bytes?: Buffer): void;
  /** Closes at once. What the kernel has not taken is lost. */
  destroy(): void;
}

export interface ConnectionEvents {
  /** `chunk` is valid only during the call. */
  onData(chunk: Buffer): void;
  /** The peer sends no more. It may still read: whoever is told ends the connection. */
  onEnd(): void;
  /** The connection is gone, whoever ended it. Called once, last, and never from within a call of this connection. */
  onClose(): void;
}

/** For connections that nobody wants any more. */
export const DISCARD: ConnectionEvents = { onData: () => undefined, onEnd: () => undefined, onClose: () => undefined };
