import { Agent, request } from 'node:http';

export interface ApiAddress {
  readonly port: number;
  /** Of an operator. */
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Calls the HTTP API over connections that are kept. */
export class Caller {
  readonly #agent: Agent;
  readonly #api: ApiAddress;

  constructor(api: ApiAddress, connections: number) {
    this.#api = api;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  call(method: string, path: string, body: object): Promise<Answer> {
    const { port, token } = this.#api;
    const text = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const call = request({ agent: this.#agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (part) => {
          answer += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) }));
      });
      call.on('error', reject).end(text);
    });
  }
}
