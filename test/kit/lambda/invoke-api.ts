import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Sandbox } from './sandbox.ts';

/** Lambda's Invoke API in front of one function, for AWS_ENDPOINT_URL_LAMBDA. */
export async function startInvokeApi(sandbox: Sandbox): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    json(request)
      .then((event) => sandbox.invoke(event))
      .then((answer) => response.writeHead(200).end(JSON.stringify(answer)))
      .catch((error: unknown) => {
        response.writeHead(200, { 'x-amz-function-error': 'Unhandled' });
        response.end(JSON.stringify({ errorMessage: String(error) }));
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
