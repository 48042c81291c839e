import { connect, type Socket } from 'node:net';

export interface ApiAddress {
  readonly port: number;
  /** Of an operator. */
  readonly token: string;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Call {
  readonly request: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Calls the HTTP API over connections that are kept, one call at a time on each. By hand: the client of node:http takes more
 * of the CPU than the API that is measured beside it.
 */
export class Caller {
  readonly #api: ApiAddress;
  readonly #maxConnections: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: Call[] = [];
  #connections = 0;

  constructor(api: ApiAddress, connections: number) {
    this.#api = api;
    this.#maxConnections = connections;
  }

  call(method: string, path: string, body: object): Promise<Answer> {
    const { token } = this.#api;
    const text = JSON.stringify(body);
    const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
    const request = `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      const connection = this.#idle.pop() ?? this.#connect();
      if (connection) this.#next(connection);
    });
  }

  #connect(): Connection | undefined {
    if (this.#connections === this.#maxConnections) return undefined;
    this.#connections += 1;
    return new Connection(this.#api.port, (connection) => this.#next(connection));
  }

  #next(connection: Connection): void {
    const call = this.#waiting.shift();
    if (call) connection.send(call);
    else this.#idle.push(connection);
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #onFree: (connection: Connection) => void;
  #call: Call | undefined;
  #received = '';

  constructor(port: number, onFree: (connection: Connection) => void) {
    this.#onFree = onFree;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    // The API escapes nothing: with one byte per character, lengths are those of the header.
    this.#socket.setEncoding('latin1').on('data', (part: string) => this.#receive(part));
    this.#socket.on('error', (error) => this.#call?.reject(error));
    this.#socket.on('close', () => this.#call?.reject(new Error('the API closed the connection')));
  }

  send(call: Call): void {
    this.#call = call;
    this.#socket.write(call.request);
  }

  #receive(part: string): void {
    this.#received += part;
    const bodyAt = this.#received.indexOf('\r\n\r\n') + 4;
    if (bodyAt < 4) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < bodyAt + length) return;
    const status = Number(this.#received.slice(9, 12));
    const body = JSON.parse(Buffer.from(this.#received.slice(bodyAt), 'latin1').toString()) as Answer['body'];
    const call = this.#call;
    this.#received = '';
    this.#call = undefined;
    call?.resolve({ status, body });
    this.#onFree(this);
  }
}
