import { isWithinDepth, MAX_CONTENT_DEPTH } from '../../contract/wire/commands.ts';
import { IDEMPOTENCY_TTL_SECONDS } from '../../shared/limits.ts';
import { canonicalDigest } from '../http/canonical.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import { HttpRefusal } from '../http/refusal.ts';

/** Remembered under `idempotency:<user>:<name>`; `ttlSeconds` long. */
export interface Idempotency {
  readonly userId: string;
  readonly name: string;
  readonly digest: string;
  readonly ttlSeconds: number;
  /** The caller sent no key, and cannot repeat the request with one. */
  readonly isOwn: boolean;
}

/** Around the content: the body, `commands`, a command. */
const MAX_BODY_DEPTH = MAX_CONTENT_DEPTH + 3;

/**
 * A request without a caller's key still gets one: a Redis client may send a command again after a broken
 * connection. It need not outlive the request by much, and needs no digest of the request.
 */
const OWN_TTL_SECONDS = 10;

/** Refuses with 400 a key that is not 1 to 255 visible ASCII characters. */
export function idempotencyOf(header: string | undefined, userId: string, body: unknown): Idempotency {
  // No user has an empty id: these keys never collide with those of callers.
  const own = { userId: '', name: crypto.randomUUID(), digest: '-', ttlSeconds: OWN_TTL_SECONDS, isOwn: true };
  const name = idempotencyKeyOf(header);
  if (name === undefined) return own;
  // No valid command is nested deeper, and the digest is recursive.
  if (!isWithinDepth(body, MAX_BODY_DEPTH)) throw new HttpRefusal(400, 'too_deep');
  return { userId, name, digest: canonicalDigest(body), ttlSeconds: IDEMPOTENCY_TTL_SECONDS, isOwn: false };
}
