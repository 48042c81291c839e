import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isServiceToken } from './service-tokens.ts';

/**
 * Tokens: `<base64url user id>.<base64url 256 random bits>`, so that one read checks them. At rest only `sha256:<hex>`
 * of the whole; other login code writes its tokens as they are, and those are checked as they are.
 */
export function makeToken(userId: string): string {
  return `${Buffer.from(userId).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
}

export function tokenAtRest(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

/** Whose token it says it is, or undefined for what no login of ours has made. */
export function userIdOfToken(token: string): string | undefined {
  if (isServiceToken(token)) return undefined;
  const [id, random, more] = token.split('.');
  if (!id || !random || more !== undefined || !/^[\w-]+$/.test(id)) return undefined;
  return Buffer.from(id, 'base64url').toString();
}

/** Whether `presented` is the token of `field`, the `token` field of a user. Takes the same time wherever they differ. */
export function tokenMatches(presented: string, field: string): boolean {
  const expected = field.startsWith('sha256:') ? field : tokenAtRest(field);
  return timingSafeEqual(digest(tokenAtRest(presented)), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
