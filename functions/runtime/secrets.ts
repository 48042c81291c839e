import { z } from 'zod';
import { readSecretText, SecretError, type SecretRead } from './secrets-extension.ts';

/** The content of the secret behind REDIS_SECRET_ARN: credentials of a store in the VPC, or Upstash's address and token. */
const storeSecret = z.object({ username: z.string(), password: z.string() });
const upstashSecret = z.object({ restUrl: z.url(), restToken: z.string() });

export interface StoreSecret {
  store?: z.infer<typeof storeSecret>;
  upstash?: z.infer<typeof upstashSecret>;
}

/** The last read secret, and a function that reads it again without the cache of the extension. */
export interface SecretReader {
  readonly current: StoreSecret;
  /** Throws when it cannot be read; `current` does not change. */
  readAgain(): Promise<StoreSecret>;
}

/** The extension starts beside the function and refuses until it is ready: tries × pause stays below the time-out of a cold start. */
const TRIES = 10;
const TIMEOUT_MS = 3_000;

/** When a secret is read again within a call: one try, so that the call still ends in time. */
const AGAIN_TIMEOUT_MS = 800;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads a secret through the parameters-and-secrets extension, which listens on the loopback of the sandbox.
 * Throws, without any part of the secret in the message, when it cannot be read or has none of the known fields.
 */
export async function readStoreSecret(arn: string, env: Variables): Promise<SecretReader> {
  let current = await read(arn, env, { tries: TRIES, timeoutMs: TIMEOUT_MS, pastCache: false });
  return {
    get current() {
      return current;
    },
    async readAgain() {
      current = await read(arn, env, { tries: 1, timeoutMs: AGAIN_TIMEOUT_MS, pastCache: true });
      return current;
    },
  };
}

async function read(arn: string, env: Variables, how: SecretRead): Promise<StoreSecret> {
  return parseSecret(await readSecretText('REDIS_SECRET_ARN', { ...env, REDIS_SECRET_ARN: arn }, how));
}

function parseSecret(text: string): StoreSecret {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new SecretError('the secret of REDIS_SECRET_ARN is not JSON');
  }
  const upstash = upstashSecret.safeParse(fields);
  if (upstash.success) return { upstash: upstash.data };
  const store = storeSecret.safeParse(fields);
  if (store.success) return { store: store.data };
  throw new SecretError('the secret of REDIS_SECRET_ARN has neither username and password nor restUrl and restToken');
}
