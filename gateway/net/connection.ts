import type { AddressCount } from './admission.ts';

/**
 * One TCP connection, as the layers above the network see it. Its names are those of a Socket of node:net. Two networks make them:
 * node-network.ts and native-network.ts.
 */
export interface Connection {
  /** Gets the events of the connection. May be replaced at any time. */
  events: ConnectionEvents;
  readonly remoteAddress?: string | undefined;
  /** The common name in the client's certificate; undefined: no certificate was asked for. */
  readonly certificateName?: string | undefined;
  /** Whether the connection is gone: nothing can be written any more. */
  readonly destroyed: boolean;
  /** Bytes that were written and that the kernel has not taken yet. What was gathered for it is sent first. */
  readonly writableLength: number;
  /** Bytes that the kernel has not taken by now: unlike `writableLength`, it falls while one large write is on its way. */
  unsentBytes(): number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /**
   * Hands the bytes to the kernel, at the latest with the network's next `flush`; they must not change until then. Not to be called
   * after `end`. `taken` is called when the kernel has taken these bytes and all before them, or with the error that prevented it.
   */
  write(bytes: Uint8Array, taken?: (error?: Error | null) => void): unknown;
  /** Stops reading: neither bytes nor the end are reported until `resume`. Bytes that were read already are kept, at most one read. */
  pause(): unknown;
  resume(): unknown;
  /** Writes the last bytes, and shuts down our side. The connection closes when the peer has shut down its own. */
  end(bytes?: Uint8Array): unknown;
  /** Closes at once. What the kernel has not taken is lost. */
  destroy(): unknown;
}

export interface ConnectionEvents {
  /** `chunk` is valid only during the call. */
  receive(chunk: Buffer): void;
  /** The peer has shut down its side. It may still read: the receiver of the event ends the connection. */
  onEnd(): void;
  /** The connection is closed, by either side. Called once, last, and never from within a call of the connection. */
  onClosed(): void;
}

/** Owns a connection for as long as it is open. */
export interface ConnectionOwner extends ConnectionEvents {
  readonly connection: Connection;
  readonly address: AddressCount;
}

/** For connections that nobody owns. */
export const DISCARD: ConnectionEvents = {
  receive: () => undefined,
  onEnd: () => undefined,
  onClosed: () => undefined,
};
