import { setTimeout } from 'node:timers/promises';

export interface SecretRead {
  readonly tries: number;
  readonly timeoutMs: number;
  /** The extension asks Secrets Manager, whatever it keeps. */
  readonly pastCache: boolean;
  /** Default: the present value. */
  readonly stage?: 'AWSPREVIOUS';
}

const PAUSE_MS = 200;

export class SecretError extends Error {
  override name = 'SecretError';
}

/**
 * Reads a secret through the parameters-and-secrets extension, which listens on the loopback of the sandbox. `variable` is where
 * its ARN stands. Throws, without any part of the secret in the message, when it cannot be read.
 */
export async function readSecretText(
  variable: string,
  env: Readonly<Record<string, string | undefined>>,
  { tries, timeoutMs, pastCache, stage }: SecretRead,
): Promise<string> {
  const port = env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT ?? '2773';
  const query = new URLSearchParams({
    secretId: env[variable] ?? '',
    ...(stage === undefined ? {} : { versionStage: stage }),
    ...(pastCache ? { refreshNow: 'true' } : {}),
  });
  const url = `http://localhost:${port}/secretsmanager/get?${query}`;
  const headers = { 'x-aws-parameters-secrets-token': env.AWS_SESSION_TOKEN ?? '' };
  let failure = '';
  for (let tried = 0; tried < tries; tried += 1) {
    if (tried > 0) await setTimeout(PAUSE_MS);
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
      if (response.ok) {
        const { SecretString: text } = (await response.json()) as { SecretString?: unknown };
        if (typeof text === 'string') return text;
        failure = 'no text';
      } else {
        failure = `HTTP ${response.status}`;
        await response.body?.cancel();
      }
    } catch (error) {
      failure = error instanceof Error ? error.name : 'unknown';
    }
  }
  throw new SecretError(`the secret of ${variable} could not be read: ${failure}`);
}
