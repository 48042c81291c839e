import { randomBytes } from 'node:crypto';

const FORMAT = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-([\da-f]{2})(?:-.*)?$/;

/** W3C Trace Context: the caller's trace continues under a span of ours, or a new one begins. Always well-formed. */
export function traceparentOf(header: string | undefined): string {
  const random = randomBytes(24).toString('hex');
  const [, traceId, flags] = FORMAT.exec(header ?? '') ?? [];
  const isGiven = traceId !== undefined && !/^0+$/.test(traceId) && !header?.startsWith('ff');
  return `00-${isGiven ? traceId : random.slice(0, 32)}-${random.slice(32)}-${isGiven ? flags : '01'}`;
}
