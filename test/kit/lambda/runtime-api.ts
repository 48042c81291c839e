import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a function made of an event: its answer, or the error that the runtime client reports for it. */
type Outcome = { readonly answer: unknown } | { readonly error: unknown };

/** Lambda's Runtime API for one sandbox: hands out events one by one and takes what becomes of them. */
export class RuntimeApi {
  readonly #server = createServer((request, response) => {
    void this.#serve(request.url ?? '', text(request), response);
  });
  readonly #waiting: { readonly event: unknown; readonly settle: (outcome: Outcome) => void }[] = [];
  readonly #running = new Map<string, (outcome: Outcome) => void>();
  #idle: ServerResponse | undefined;
  #count = 0;

  /** `host:port`, for AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  invoke(event: unknown): Promise<Outcome> {
    return new Promise((settle) => {
      this.#waiting.push({ event, settle });
      this.#handOut();
    });
  }

  async #serve(url: string, body: Promise<string>, response: ServerResponse): Promise<void> {
    const path = url.replace('/2018-06-01/runtime/', '');
    if (path === 'invocation/next') {
      this.#idle = response;
      this.#handOut();
      return;
    }
    const [, id, kind] = /^invocation\/([\w-]+)\/(response|error)$/.exec(path) ?? [];
    const parsed: unknown = JSON.parse((await body) || 'null');
    if (id !== undefined) this.#running.get(id)?.(kind === 'response' ? { answer: parsed } : { error: parsed });
    // A function that fails while it loads is never asked for anything.
    if (path === 'init/error') for (const { settle } of this.#waiting.splice(0)) settle({ error: parsed });
    response.writeHead(202).end('{}');
  }

  #handOut(): void {
    if (!this.#idle || this.#waiting.length === 0) return;
    const [next] = this.#waiting.splice(0, 1);
    if (!next) return;
    const id = `request-${++this.#count}`;
    this.#running.set(id, next.settle);
    this.#idle
      .writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': id,
        'lambda-runtime-deadline-ms': String(Date.now() + 10_000),
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:111111111111:function:under-test:live',
      })
      .end(JSON.stringify(next.event));
    this.#idle = undefined;
  }
}
