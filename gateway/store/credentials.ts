import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CredentialSource } from '../../shared/redis/credential-source.ts';
import { type Credentials, parseRedisUrl } from '../../shared/redis/target.ts';
import { readSecret } from '../../shared/secret.ts';

/** Where the store is, and what we show to it. */
export interface StoreSettings {
  readonly url: string;
  readonly cluster: boolean;
  readonly keyPrefix?: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly secretArn?: string | undefined;
  readonly passwordFile?: string | undefined;
}

const secretSchema = z.object({ username: z.string().optional(), password: z.string() });

/**
 * Where the gateway's credentials for the store come from, the first of: the secret of REDIS_SECRET_ARN and the file of
 * REDIS_PASSWORD_FILE, both read again when the store refuses; REDIS_USERNAME and REDIS_PASSWORD over what REDIS_URL says, which a
 * process cannot read again.
 */
export function credentialsOf(config: StoreSettings): CredentialSource<Credentials | undefined> {
  const { url, username, password, secretArn, passwordFile } = config;
  const fixed: Credentials = {
    ...parseRedisUrl(url).credentials,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  if (secretArn !== undefined) return new CredentialSource(undefined, () => fromSecret(secretArn));
  if (passwordFile !== undefined) {
    const read = async () => ({ ...fixed, password: (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '') });
    return new CredentialSource<Credentials | undefined>(undefined, read);
  }
  return new CredentialSource<Credentials | undefined>(fixed);
}

async function fromSecret(arn: string): Promise<Credentials> {
  const { json } = await readSecret(arn, { maxAttempts: 2 });
  const { username, password } = secretSchema.parse(json);
  return { password, ...(username === undefined ? {} : { username }) };
}
