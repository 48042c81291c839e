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
      const { status, body } = await get(url, headers, timeoutMs);
      if (status === 200) {
        const { SecretString: text } = JSON.parse(body) as { SecretString?: unknown };
        if (typeof text === 'string') return text;
        failure = 'no text';
      } else {
        failure = `HTTP ${status}`;
      }
    } catch (error) {
      failure = error instanceof Error ? error.name : 'unknown';
    }
  }
  throw new SecretError(`the secret of ${variable} could not be read: ${failure}`);
}

/** The first `fetch` of a process takes 70 ms of processor time, three times as much as this: Node then reads its other client. */
function get(
  url: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<{ status: number | undefined; body: string }> {
  const http = process.getBuiltinModule('node:http');
  return new Promise((resolve, reject) => {
    // A connection of its own: one that was kept may have broken while the sandbox was frozen.
    const options = { headers, agent: false as const, signal: AbortSignal.timeout(timeoutMs) };
    const request = http.get(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
