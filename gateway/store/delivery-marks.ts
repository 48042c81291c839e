import type { Keys } from '../../contract/store/keys.ts';
import { type DeliveryStep, markDelivery } from '../../contract/store/scripts/receipts.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/** Steps of messages that asked for a receipt, gathered for one turn and written together. */
export class DeliveryMarks {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #log: Pick<Log, 'error'>;
  #steps: DeliveryStep[] = [];
  /** Of the steps gathered so far, and of all before them. */
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: { redis: RedisPort; keys: Keys; log: Pick<Log, 'error'> }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#log = parts.log;
  }

  /** Resolves when it is written. Does not reject. */
  add(step: DeliveryStep): Promise<void> {
    this.#steps.push(step);
    this.#next ??= new Promise((resolve) => setImmediate(() => void this.#write().then(resolve)));
    return this.#next;
  }

  /** Resolves when everything added so far is written. */
  async idle(): Promise<void> {
    await this.#next;
    await this.#writing;
  }

  #write(): Promise<void> {
    const steps = this.#steps;
    this.#steps = [];
    this.#next = undefined;
    const written = markDelivery(this.#redis, this.#keys, steps).catch((error: unknown) =>
      this.#log.error({ event: 'store_failed', what: 'mark', error: String(error) }, 'a script failed'),
    );
    this.#writing = Promise.all([this.#writing, written]).then(() => undefined);
    return written;
  }
}
