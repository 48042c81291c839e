import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * Passwords at rest: `scrypt$<N>$<r>$<p>$<salt base64url>$<hash base64url>`, in the field `password` of a user.
 * The text contains the parameters, so that older passwords stay valid when the defaults are raised.
 */
interface Cost {
  /** CPU and memory cost: a power of two. */
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

const COST: Cost = { n: 16_384, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Stored parameters above this are refused: an attacker who can write a user must not be able to stall a function. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_PARALLELISM = 4;

interface Stored {
  cost: Cost;
  salt: Buffer;
  hash: Buffer;
}

/** Checked when the user has no password, so that the call takes the time of a real check. */
const NOBODY: Stored = { cost: COST, salt: Buffer.alloc(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, COST);
  return `scrypt$${COST.n}$${COST.r}$${COST.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * Returns whether `password` matches `stored`. Undefined (an unknown user, or one without a password) and text that is
 * not one of our hashes return false, and take as long as a wrong password.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const known = parse(stored ?? '');
  const { cost, salt, hash } = known ?? NOBODY;
  const presented = await derive(password, salt, hash.length, cost);
  return timingSafeEqual(presented, hash) && known !== undefined;
}

function parse(stored: string): Stored | undefined {
  const parts = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22,86})\$([\w-]{43,86})$/.exec(stored);
  if (!parts) return undefined;
  const [, n, r, p, salt = '', hash = ''] = parts;
  const cost = { n: Number(n), r: Number(r), p: Number(p) };
  const isPowerOfTwo = cost.n > 1 && (cost.n & (cost.n - 1)) === 0;
  if (!isPowerOfTwo || cost.r < 1 || cost.p < 1 || cost.p > MAX_PARALLELISM) return undefined;
  if (128 * cost.n * cost.r > MAX_MEMORY_BYTES) return undefined;
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

/** The same characters typed on another system may be composed differently: NFKC makes them equal. */
function derive(password: string, salt: Buffer, bytes: number, { n, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: n, r, p, maxmem: 2 * MAX_MEMORY_BYTES };
    scrypt(password.normalize('NFKC'), salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
