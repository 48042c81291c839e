import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';
import { timerMs } from './delay.ts';
import { FronttcpError, TimeoutError, UnreachableError } from './errors.ts';
import type { Settings } from './options.ts';

/** The largest MAX_FRAME_BYTES that a gateway can have: a larger length is a protocol error. */
const MAX_INBOUND_FRAME_BYTES = 64 * 1024 * 1024;

interface ConnectionHandlers {
  /** Bytes came, not necessarily a whole frame. */
  heard(): void;
  /** `body` is a view, valid during the call. */
  frame(version: number, commandId: number, body: Buffer): void;
  /** Called once, for every kind of end; undefined when the server or this client ended it in an orderly way. */
  ended(cause: Error | undefined): void;
}

/** One TCP (or TLS) stream as frames. It does not know their meaning. */
export class Connection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #decoder = new FrameDecoder(MAX_INBOUND_FRAME_BYTES);
  #isPaused = false;
  #cause: Error | undefined;

  constructor(socket: Socket, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      handlers.heard();
      this.#decoder.push(chunk);
      this.#read();
    });
    socket.on('error', (error) => {
      this.#cause ??= new UnreachableError(`the connection broke: ${error.message}`, { cause: error });
    });
    socket.once('close', () => handlers.ended(this.#cause));
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** `written` is called when the kernel has the bytes, or with the error. */
  write(version: number, commandId: number, body: string, written?: (error?: Error | null) => void): void {
    this.#socket.write(encodeFrame(version, commandId, body), written);
  }

  /** Backpressure: no further frame until `resume`, and the server's writes wait. */
  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** On the next turn, so that it may be called from within a frame. */
  resume(): void {
    setImmediate(() => {
      this.#isPaused = false;
      this.#read();
      if (!this.#isPaused) this.#socket.resume();
    });
  }

  /** Flushes and ends; no more data is read. */
  end(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.end();
    this.#socket.resume();
  }

  /** Ends at once. */
  destroy(cause: Error | undefined): void {
    this.#cause ??= cause;
    this.#socket.destroy();
  }

  #read(): void {
    while (!this.#isPaused && !this.#socket.destroyed) {
      const decoded = this.#decoder.next();
      if (decoded === Decoded.incomplete) return;
      if (decoded === Decoded.invalid) {
        this.destroy(
          new FronttcpError(`the server sent a frame of length ${this.#decoder.length}: not this protocol?`),
        );
        return;
      }
      this.#handlers.frame(this.#decoder.version, this.#decoder.commandId, this.#decoder.body);
    }
  }
}

/** SNI is for names alone (RFC 6066); Node warns of an address (DEP0123). The certificate is checked against `host` either way. */
function serverNameOf(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** A name with several addresses fails with an error of each, and no message beside them. */
function reasonOf(cause: unknown): string {
  const error = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

/** Opens a socket. Rejects with UnreachableError, or with the reason of `signal`. */
export function openSocket(settings: Settings, signal: AbortSignal): Promise<Socket> {
  const { host, port, tls, connectTimeoutMs } = settings;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = tls ? connectTls({ ...serverNameOf(host), ...tls, host, port }) : connectTcp({ host, port });
    const fail = (cause: unknown) => {
      socket.destroy();
      settle();
      reject(signal.aborted ? signal.reason : new UnreachableError(`${host}:${port}: ${reasonOf(cause)}`, { cause }));
    };
    const open = () => {
      settle();
      resolve(socket);
    };
    const timer = setTimeout(() => fail(new TimeoutError(connectTimeoutMs, false)), timerMs(connectTimeoutMs));
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', fail);
      socket.removeListener(tls ? 'secureConnect' : 'connect', open);
      socket.removeListener('error', fail);
      // Between this turn and the next there is no listener; an error in the gap must not end the process.
      socket.on('error', () => undefined);
    };
    socket.once(tls ? 'secureConnect' : 'connect', open);
    socket.once('error', fail);
    signal.addEventListener('abort', fail);
  });
}
