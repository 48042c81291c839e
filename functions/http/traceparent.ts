import { randomBytes } from 'node:crypto';

const FORMAT = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-([\da-f]{2})(?:-.*)?$/;

/** W3C Trace Context: the caller's trace continues under our span, or a new one begins. Always well-formed. */
export function traceparentOf(header: string | undefined): string {
  const [, traceId, flags] = header === undefined ? [] : (FORMAT.exec(header) ?? []);
  const isGiven = traceId !== undefined && !/^0+$/.test(traceId) && !header?.startsWith('ff');
  return `00-${isGiven ? traceId : randomHex(32)}-${randomHex(16)}-${isGiven ? flags : '01'}`;
}

/** Bits are taken from the system for many ids at once. */
const POOL_BYTES = 4_096;
let pool = '';
let used = 0;

function randomHex(digits: number): string {
  if (used + digits > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex');
    used = 0;
  }
  used += digits;
  return pool.slice(used - digits, used);
}
