/** The address of a store and our credentials, from REDIS_URL. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly db: number;
  readonly credentials: Credentials;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** A URL that cannot be used. `message` gives the reason, without any part that may be a password. */
export class RedisUrlError extends Error {
  override name = 'RedisUrlError';
}

/**
 * Reads `redis://[user][:password]@host[:port][/db][?db=n]`, or `rediss://` for TLS. User and password are percent-encoded.
 * Throws RedisUrlError for anything else: if gateway and functions read a URL differently, they would use two databases.
 */
export function parseRedisUrl(text: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new RedisUrlError('must be a redis:// or rediss:// URL');
  }
  if (url.hash !== '') throw new RedisUrlError('has a # (in a password it is written %23)');
  if (url.port === '0') throw new RedisUrlError('has the port 0');
  const username = decoded(url.username, 'user');
  const password = decoded(url.password, 'password');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    isTls: url.protocol === 'rediss:',
    db: databaseOf(url),
    credentials: { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) },
  };
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError(
      `has a ${what} with a % that is not followed by two hexadecimal digits (a % itself is %25)`,
    );
  }
}

function databaseOf(url: URL): number {
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'db');
  if (unknown !== undefined) throw new RedisUrlError(`has the parameter ${JSON.stringify(unknown)}: only db is known`);
  const named = [url.pathname.replace(/^\//, ''), ...url.searchParams.getAll('db')].filter((part) => part !== '');
  for (const part of named) {
    if (!/^\d{1,6}$/.test(part)) throw new RedisUrlError(`has the database ${JSON.stringify(part)}: must be a number`);
  }
  const [db = 0, ...others] = new Set(named.map(Number));
  if (others.length > 0) throw new RedisUrlError(`has two databases, ${[db, ...others].join(' and ')}`);
  return db;
}
