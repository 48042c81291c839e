import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const SESSION_TOKEN = 'session-token-of-the-sandbox';

/**
 * The parameters-and-secrets extension as a function sees it: one secret behind one ARN, for the holder of the token. It keeps what it
 * has read: only `refreshNow=true` asks again.
 */
export async function startSecretsExtension(arn: string, secret: object | string) {
  let current = secret;
  let cached = secret;
  let previous: object | string | undefined;
  let pastCache = 0;
  const textOf = (value: object | string): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const isAllowed = request.headers['x-aws-parameters-secrets-token'] === SESSION_TOKEN;
    if (!isAllowed) return response.writeHead(401).end();
    if (url.pathname !== '/secretsmanager/get' || url.searchParams.get('secretId') !== arn) {
      return response.writeHead(404).end();
    }
    if (url.searchParams.get('refreshNow') === 'true') pastCache += 1;
    const isPrevious = url.searchParams.get('versionStage') === 'AWSPREVIOUS';
    if (isPrevious && previous === undefined) return response.writeHead(400).end();
    if (!isPrevious && url.searchParams.get('refreshNow') === 'true') cached = current;
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(
        JSON.stringify({ ARN: arn, SecretString: textOf(isPrevious && previous !== undefined ? previous : cached) }),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** How often Secrets Manager was asked, whatever is kept. */
    readsPastCache: (): number => pastCache,
    /** The secret has a new version. */
    rotate: (next: object | string): void => {
      previous = current;
      current = next;
    },
    stop: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
