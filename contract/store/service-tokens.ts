import { randomBytes } from 'node:crypto';

/**
 * Tokens of programs, not of users: `fts_<id>.<256 random bits>`, made by an operator, with no rights beyond their scopes.
 * No user's token begins like this: read as base64url, `fts_` is not UTF-8.
 */
const PREFIX = 'fts_';
const FORMAT = /^fts_([\da-f]{24})\.[\w-]{43}$/;

/** `send`: POST /send-command. `read`: users, stats, and the state of commands. */
export const SCOPES = ['send', 'read'] as const;
export type Scope = (typeof SCOPES)[number];

export const MAX_SERVICE_TOKENS = 1_000;

export function makeServiceToken(): { id: string; token: string } {
  const id = randomBytes(12).toString('hex');
  return { id, token: `${PREFIX}${id}.${randomBytes(32).toString('base64url')}` };
}

/** The id in a token of this kind, or undefined for any other text. */
export function serviceTokenId(token: string): string | undefined {
  return FORMAT.exec(token)?.[1];
}

export function isServiceToken(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** The sender of its messages, and the actor in the audit. */
export function serviceName(name: string): string {
  return `service:${name}`;
}
