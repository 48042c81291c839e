import { randomUUID } from 'node:crypto';

const FORMAT = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-([\da-f]{2})(?:-.*)?$/;

/** W3C Trace Context: the caller's trace continues under a span of ours, or a new one begins. Always well-formed. */
export function traceparentOf(header: string | undefined): string {
  const [, traceId, flags] = header === undefined ? [] : (FORMAT.exec(header) ?? []);
  const isGiven = traceId !== undefined && !/^0+$/.test(traceId) && !header?.startsWith('ff');
  return `00-${isGiven ? traceId : random()}-${random().slice(16)}-${isGiven ? flags : '01'}`;
}

/** 32 hex digits. Node takes the bits of many UUIDs from the system at once; the last 16 digits have 62 of them. */
function random(): string {
  return randomUUID().replaceAll('-', '');
}
