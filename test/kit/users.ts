import { randomBytes, scryptSync } from 'node:crypto';
import type { Redis } from 'ioredis';
import { tokenAtRest } from '../../contract/store/tokens.ts';

/** A token of the form of ours, the same one each time. */
export function tokenOf(userId: string): string {
  return `${Buffer.from(userId).toString('base64url')}.${'t'.repeat(43)}`;
}

/** Writes an operator into the store under this prefix. Returns the token. */
export async function addOperator(redis: Redis, prefix: string, userId = 'op'): Promise<string> {
  const token = tokenOf(userId);
  await redis.hset(`${prefix}user:${userId}`, { role: 'operator', token: tokenAtRest(token) });
  return token;
}

/**
 * Fields of a user with this password, at a small part of the usual cost, which is in the text: what a check costs is the
 * affair of test/contract/passwords.test.ts.
 */
export function withPassword(password: string): Record<string, string> {
  const [n, r, p] = [1_024, 8, 1];
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: n, r, p });
  return { password: `scrypt$${n}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}` };
}
