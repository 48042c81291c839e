import { isWithinDepth, MAX_CONTENT_DEPTH } from '../../contract/wire/commands.ts';
import { IDEMPOTENCY_TTL_SECONDS } from '../../shared/limits.ts';
import { canonicalDigest } from '../http/canonical.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import { Refusal } from '../http/refusal.ts';

/** Remembered under `idempotency:<user>:<name>`; `ttlSeconds` long. */
export interface Idempotency {
  readonly userId: string;
  readonly name: string;
  readonly digest: string;
  readonly ttlSeconds: number;
  /** The caller gave none, and cannot ask again with it. */
  readonly isOwn: boolean;
}

/** Around the content: the body, `commands`, a command. */
const MAX_BODY_DEPTH = MAX_CONTENT_DEPTH + 3;

/**
 * Without a key of the caller's the request still has one: a Redis client may send a command again after a broken
 * connection. It need not outlive the request by much, nor be told apart by what was asked.
 */
const OWN_TTL_SECONDS = 10;

/** Refuses 400 for a key that is not 1 to 255 visible ASCII characters. */
export function idempotencyOf(header: string | undefined, userId: string, body: unknown): Idempotency {
  // No user has an empty id: these never meet a caller's.
  const own = { userId: '', name: crypto.randomUUID(), digest: '-', ttlSeconds: OWN_TTL_SECONDS, isOwn: true };
  const name = idempotencyKeyOf(header);
  if (name === undefined) return own;
  // No valid command is deeper, and the digest recurses.
  if (!isWithinDepth(body, MAX_BODY_DEPTH)) throw new Refusal(400, 'too_deep');
  return { userId, name, digest: canonicalDigest(body), ttlSeconds: IDEMPOTENCY_TTL_SECONDS, isOwn: false };
}
