import { createHash, timingSafeEqual } from 'node:crypto';
import { TokenBucket } from '../../shared/time/token-bucket.ts';
import { readSecretText, SecretError } from '../runtime/secrets-extension.ts';

/** What API Gateway asks an authorizer of payload format 2.0: `identitySource` has the value of the header. */
interface AuthorizerEvent {
  readonly identitySource?: readonly unknown[];
}

/** A cold start included: API Gateway waits for ten seconds. */
const READ = { tries: 10, timeoutMs: 2_000, pastCache: false } as const;
const AGAIN = { tries: 1, timeoutMs: 2_000, pastCache: true } as const;

/** Reads past the cache are paid for, and anybody may send a wrong value: one sandbox makes a burst of them, then one in ten seconds. */
const rereads = new TokenBucket(0.1, 16, performance.now());
/** The value before the last rotation, as of the last read past the cache; undefined: none. */
let previous: string | undefined;

/**
 * Admits requests through CloudFront, which adds the secret to each, and refuses calls past it. API Gateway
 * keeps the result for some minutes, so this costs next to nothing. The value before a rotation is admitted too: edges have it until
 * the distribution is deployed.
 */
export async function handler({ identitySource }: AuthorizerEvent): Promise<{ isAuthorized: boolean }> {
  const given = identitySource?.[0];
  if (typeof given !== 'string' || given === '') return { isAuthorized: false };
  if (equal(given, await readSecretText('ORIGIN_SECRET_ARN', process.env, READ))) return { isAuthorized: true };
  if (rereads.refill(performance.now()) >= 1) {
    rereads.take();
    const current = await readSecretText('ORIGIN_SECRET_ARN', process.env, AGAIN);
    previous = await readPrevious();
    if (equal(given, current)) return { isAuthorized: true };
  }
  return { isAuthorized: previous !== undefined && equal(given, previous) };
}

/** A secret that was never rotated has none. */
async function readPrevious(): Promise<string | undefined> {
  try {
    return await readSecretText('ORIGIN_SECRET_ARN', process.env, { ...AGAIN, stage: 'AWSPREVIOUS' });
  } catch (error) {
    if (error instanceof SecretError) return undefined;
    throw error;
  }
}

/** In the same time whatever differs, and whatever the lengths. */
function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
