import type { Socket } from 'node:net';

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

export type ProxyHeader =
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

/**
 * Takes the header off the front of a new connection; the bytes behind it stay in the socket. Returns the client's
 * address, or undefined when there was no header: the connection is destroyed then.
 */
export function peelProxyHeader(socket: Socket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => refuse(), timeoutMs);
    const leave = () => {
      clearTimeout(timer);
      socket.pause();
      socket.off('data', onData).off('error', refuse).off('close', refuse);
    };
    const refuse = () => {
      leave();
      socket.on('error', () => socket.destroy());
      socket.destroy();
      resolve(undefined);
    };
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const header = parseProxyHeader(received);
      if (header.status === 'incomplete') return;
      if (header.status === 'invalid') return refuse();
      leave();
      if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
      resolve(header.address ?? socket.remoteAddress ?? '');
    };
    socket.on('data', onData).on('error', refuse).on('close', refuse);
  });
}
