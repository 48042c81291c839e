// One invocation per item, as a bridge without batches does: the SDK alone, no gateway in front. argv: orders as JSON.
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { generate, lineOf, type Orders, type Sender } from './generate.ts';
import { nowMs, Times } from './times.ts';

/** Invocations in flight, and connections. */
const OUTSTANDING = 100;

export interface DirectOrders extends Orders {
  /** URL. */
  readonly endpoint: string;
  readonly type: 'Event' | 'RequestResponse';
}

class Invocations implements Sender {
  readonly #client: LambdaClient;
  readonly #type: DirectOrders['type'];
  readonly answers = new Times();
  refused = 0;
  onDone: (() => void) | undefined;

  constructor(endpoint: string, type: DirectOrders['type']) {
    this.#type = type;
    this.#client = new LambdaClient({
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      requestHandler: { httpAgent: { keepAlive: true, maxSockets: OUTSTANDING } },
    });
  }

  send(dueMs: number): void {
    void this.#invoke(dueMs).finally(() => this.onDone?.());
  }

  async #invoke(dueMs: number): Promise<void> {
    const Payload = Buffer.from(JSON.stringify({ items: [{ body: { dueMs, celsius: 21.5 } }] }));
    try {
      await this.#client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: this.#type, Payload }));
      const at = nowMs();
      this.answers.add(at, at - dueMs);
    } catch (error) {
      this.refused += 1;
      process.stderr.write(`${String(error)}\n`);
    }
  }
}

const { endpoint, type, pids, ...orders } = JSON.parse(process.argv[2] ?? '') as DirectOrders;
const figures = await generate(
  new Invocations(endpoint, type),
  { ...orders, pids: [...pids, process.pid] },
  OUTSTANDING,
);
process.stdout.write(lineOf(figures));
process.exit(0);
