import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isServiceToken } from './service-tokens.ts';

/**
 * Tokens: `<base64url user id>.<base64url 256 random bits>`, so that one read checks them. At rest only `sha256:<hex>`
 * of the whole; other login code stores its tokens in plain text, and those are compared in plain text.
 */
export function makeToken(userId: string): string {
  return `${Buffer.from(userId).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
}

export function tokenAtRest(token: string): string {
  return `sha256:${hash('sha256', token, 'hex')}`;
}

/** Returns the user id inside the token, or undefined for text that our login did not make. */
export function userIdOfToken(token: string): string | undefined {
  if (isServiceToken(token)) return undefined;
  const [id, random, more] = token.split('.');
  if (!id || !random || more !== undefined || !/^[\w-]+$/.test(id)) return undefined;
  return Buffer.from(id, 'base64url').toString();
}

const SHA256_BYTES = 32;

/** Returns whether `presented` is the token of `field`, the `token` field of a user. Takes the same time wherever they differ. */
export function tokenMatches(presented: string, field: string): boolean {
  const expected = field.startsWith('sha256:') ? Buffer.from(field.slice(7), 'hex') : hash('sha256', field, 'buffer');
  if (expected.length !== SHA256_BYTES) return false;
  return timingSafeEqual(hash('sha256', presented, 'buffer'), expected);
}
