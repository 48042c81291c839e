import type { Keys } from '../../contract/keys.ts';
import { type DeliveryStep, markDelivery } from '../../contract/scripts/receipts.ts';
import type { Log } from '../observe/log.ts';
import type { GatewayRedis } from './redis.ts';

/** Steps of messages that asked for a receipt, gathered for one turn and written together. */
export class DeliveryMarks {
  readonly #redis: GatewayRedis;
  readonly #keys: Keys;
  readonly #log: Log;
  #steps: DeliveryStep[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: { redis: GatewayRedis; keys: Keys; log: Log }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#log = parts.log;
  }

  add(step: DeliveryStep): void {
    this.#steps.push(step);
    if (this.#steps.length === 1) setImmediate(() => this.#write());
  }

  /** Resolves when everything added so far is written. */
  async idle(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  #write(): void {
    const steps = this.#steps;
    if (steps.length === 0) return;
    this.#steps = [];
    const written = markDelivery(this.#redis, this.#keys, steps).catch((error: unknown) =>
      this.#log.error({ event: 'store_failed', what: 'mark', error: String(error) }, 'a script failed'),
    );
    this.#writing = Promise.all([this.#writing, written]).then(() => undefined);
  }
}
