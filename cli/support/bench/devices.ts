import { type Client, connect, type Message } from '../../../sdk/client/connect.ts';
import { ExitCode, Failure } from '../failure.ts';
import type { Member } from '../fleet/members.ts';
import type { GatewayAddress } from '../gateway.ts';

/** Number of clients that connect at a time, so that the first figures do not show a connection storm. */
const CONNECTS_AT_ONCE = 50;

/** Real clients of a deployment that report the arrival of messages. */
export class Devices {
  readonly #clients: { userId: string; client: Client }[] = [];
  readonly #awaited = new Map<string, () => void>();

  async connect(members: readonly Member[], { host, port, tls }: GatewayAddress): Promise<void> {
    for (let at = 0; at < members.length; at += CONNECTS_AT_ONCE) {
      const batch = members.slice(at, at + CONNECTS_AT_ONCE).map(async ({ userId, token }) => {
        const client = await connect({ host, port, tls, phoneNumber: userId, token });
        client.on('message', (message) => this.#arrived(message));
        this.#clients.push({ userId, client });
      });
      await Promise.all(batch).catch((error: Error) => {
        const nextStep = 'Is a gateway running there? Name another with --host and --port.';
        throw new Failure(ExitCode.unreachable, `no connection: ${error.message}`, nextStep, { cause: error });
      });
    }
  }

  get count(): number {
    return this.#clients.length;
  }

  /** The next device, in turn. */
  userId(at: number): string {
    return this.#clients[at % this.#clients.length]?.userId ?? '';
  }

  /** Calls back once a message with this content has arrived at its recipient. */
  expect(content: string, arrived: () => void): void {
    this.#awaited.set(content, arrived);
  }

  /** It was not accepted and will not arrive. */
  forget(content: string): void {
    this.#awaited.delete(content);
  }

  /** Number of messages that have not arrived yet. */
  get outstanding(): number {
    return this.#awaited.size;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(({ client }) => client.close()));
  }

  #arrived(message: Message): void {
    if (message.kind === 'application') return;
    this.#awaited.get(message.content)?.();
    this.#awaited.delete(message.content);
  }
}
