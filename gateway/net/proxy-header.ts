import { type Connection, type ConnectionEvents, DISCARD } from './connection.ts';

/**
 * PROXY protocol version 2 (HAProxy's specification, sections 2.2 to 2.3), as a network load balancer sends it:
 *
 *   0            12       13       14       16
 *   ┌────────────┬────────┬────────┬────────┬─────────────────────────────┐
 *   │ signature  │ver│cmd │ family │ length │ addresses, ports, TLVs      │
 *   └────────────┴────────┴────────┴────────┴─────────────────────────────┘
 */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const FIXED_BYTES = 16;
const MAX_BYTES = FIXED_BYTES + 2_048;
const VERSION_2_LOCAL = 0x20;
const VERSION_2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

type ProxyHeader =
  | { status: 'incomplete' }
  | { status: 'invalid' }
  /** `address` is undefined for the proxy's own connections, such as health checks. */
  | { status: 'complete'; bytes: number; address: string | undefined };

/** Decides as soon as it can: one wrong byte is enough to be invalid. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, seen, 0, seen) !== 0) return { status: 'invalid' };
  if (bytes.length < FIXED_BYTES) return { status: 'incomplete' };
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = bytes.readUInt16BE(14);
  const total = FIXED_BYTES + length;
  if ((command !== VERSION_2_LOCAL && command !== VERSION_2_PROXY) || total > MAX_BYTES) return { status: 'invalid' };
  if (bytes.length < total) return { status: 'incomplete' };
  if (command === VERSION_2_LOCAL) return { status: 'complete', bytes: total, address: undefined };
  const addresses = bytes.subarray(FIXED_BYTES, total);
  if (family === TCP_OVER_IPV4 && length >= 12) {
    return { status: 'complete', bytes: total, address: addresses.subarray(0, 4).join('.') };
  }
  if (family === TCP_OVER_IPV6 && length >= 36) return { status: 'complete', bytes: total, address: ipv6(addresses) };
  return { status: 'invalid' };
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return groups.join(':');
}

/** Takes the header off the front of a new connection. The next owner of the connection gets the bytes behind it. */
export class ProxyHeaderReader implements ConnectionEvents {
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  /** Undefined once it was called. */
  #done: ((from: string | undefined) => void) | undefined;
  #received: Buffer = Buffer.alloc(0);

  /** `done` is called with the client's address, or with undefined when there is no header: the connection is destroyed then. */
  constructor(connection: Connection, timeoutMs: number, done: (from: string | undefined) => void) {
    this.#connection = connection;
    this.#done = done;
    this.#timer = setTimeout(() => this.#finish(undefined), timeoutMs);
  }

  receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const header = parseProxyHeader(this.#received);
    if (header.status === 'incomplete') return;
    if (header.status === 'invalid') return this.#finish(undefined);
    this.#finish(header.address ?? this.#connection.remoteAddress ?? '');
    const rest = this.#received.subarray(header.bytes);
    if (rest.length > 0 && !this.#connection.destroyed) this.#connection.events.receive(rest);
  }

  onEnd(): void {
    this.#finish(undefined);
  }

  onClosed(): void {
    this.#finish(undefined);
  }

  #finish(from: string | undefined): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    clearTimeout(this.#timer);
    if (from === undefined) {
      this.#connection.events = DISCARD;
      this.#connection.destroy();
    }
    done(from);
  }
}
