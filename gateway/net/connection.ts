import type { AddressCount } from './admission.ts';

/**
 * One TCP connection, as the layers above the network see it. A Socket of node:net is one as it is; another
 * implementation of the network has the same members.
 */
export interface Connection {
  /** Whether the connection is gone: nothing can be written any more. */
  readonly destroyed: boolean;
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly writableLength: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** `taken` is called when the kernel has taken these bytes and all before them, or with the error that prevented it. */
  write(bytes: Uint8Array, taken?: (error?: Error | null) => void): unknown;
  /** Stops reading: the kernel's buffer fills up, and the peer has to wait. */
  pause(): unknown;
  resume(): unknown;
  /** Writes the last bytes, and shuts down our side. */
  end(): unknown;
  end(bytes: Uint8Array): unknown;
  destroy(): unknown;
}

/** Owns a connection: told everything that happens on it. */
export interface ConnectionOwner {
  readonly connection: Connection;
  readonly address: AddressCount;
  receive(chunk: Buffer): void;
  /** The peer has shut down its side. */
  onEnd(): void;
  onError(): void;
  /** The connection is gone, whoever ended it. Called once, last. */
  onClosed(): void;
}
