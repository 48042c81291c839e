import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

interface Frame {
  version: number;
  commandId: number;
  body: string;
}

/** The server's side of one connection, to be read and written step by step: a test reads as a dialogue. */
export class Peer {
  readonly socket: Socket;
  readonly #frames: Frame[] = [];
  readonly #readers: ((frame: Frame) => void)[] = [];
  readonly ended: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(1_048_576);
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      while (decoder.next() === Decoded.frame) {
        const frame = { version: decoder.version, commandId: decoder.commandId, body: decoder.body.toString() };
        const reader = this.#readers.shift();
        if (reader) reader(frame);
        else this.#frames.push(frame);
      }
    });
    socket.on('error', () => socket.destroy());
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** The next frame, of whatever kind. */
  async read(): Promise<Frame> {
    return this.#frames.shift() ?? new Promise((resolve) => this.#readers.push(resolve));
  }

  /** The next frame, which must be of this command; its body as a value. */
  async expect(commandId: number): Promise<Record<string, unknown>> {
    const frame = await this.read();
    if (frame.commandId !== commandId) throw new Error(`got ${frame.commandId} ${frame.body} in place of ${commandId}`);
    return frame.body === '' ? {} : JSON.parse(frame.body);
  }

  write(commandId: number, body: unknown = undefined, version = 1100): void {
    this.socket.write(encodeFrame(version, commandId, body === undefined ? '' : JSON.stringify(body)));
  }

  /** Reads the verify and accepts it with what the client asks for. */
  async verify(extra: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const asked = await this.expect(1);
    this.write(101, asked.features ? { code: 1, features: asked.features, session: 's1', ...extra } : { code: 1 });
    return asked;
  }

  message(id: string, content: unknown, from = 'someone'): void {
    this.write(102, { chat_from: from, chat_content: content, id, sent_at: Number(id) });
  }
}

export class ScriptedServer {
  readonly server: Server;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];
  readonly #all: Peer[] = [];

  constructor(server: Server, event = 'connection') {
    this.server = server;
    server.on(event, (socket: Socket) => {
      const peer = new Peer(socket);
      this.#all.push(peer);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(peer);
      else this.#peers.push(peer);
    });
  }

  static async start(server: Server = createServer(), event?: string): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(server, event);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections so far. */
  get count(): number {
    return this.#all.length;
  }

  /** The next connection. */
  async accept(): Promise<Peer> {
    return this.#peers.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#all) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}
