import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { buryGateway } from '../../contract/store/scripts/gateways.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

const JITTER_MS = 300;
/** Pause between two steps, so that live gateways get their turn: as long as the last step took, and at most this. */
const MAX_PAUSE_MS = 250;

interface UndertakerParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly lease: { readonly gatewayId: string };
  readonly config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
  };
  readonly counters: { burials: number };
  readonly log: Pick<Log, 'info' | 'error'>;
}

/** Buries gateways whose lease has run out. Several gateways may begin to do so: one of them does it. */
export class Undertaker {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #lease: UndertakerParts['lease'];
  readonly #config: UndertakerParts['config'];
  readonly #counters: UndertakerParts['counters'];
  readonly #log: UndertakerParts['log'];
  readonly #inFlight = new Map<string, Promise<void>>();

  constructor(parts: UndertakerParts) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#lease = parts.lease;
    this.#config = parts.config;
    this.#counters = parts.counters;
    this.#log = parts.log;
  }

  /** At some moment of the next instant, so that not all gateways begin at once. */
  async buryLater(gatewayId: string): Promise<void> {
    if (this.#inFlight.has(gatewayId)) return;
    await setTimeout(Math.random() * JITTER_MS);
    await this.bury(gatewayId, { leaving: false });
  }

  /** Resolves when nothing of the gateway is left, or another one buries it. Does not reject. */
  bury(gatewayId: string, how: { leaving: boolean }): Promise<void> {
    const known = this.#inFlight.get(gatewayId);
    if (known !== undefined) return known;
    const burial = this.#bury(gatewayId, how.leaving)
      .catch((error: unknown) =>
        this.#log.error({ event: 'burial_failed', dead: gatewayId, error: String(error) }, 'could not bury a gateway'),
      )
      .finally(() => this.#inFlight.delete(gatewayId));
    this.#inFlight.set(gatewayId, burial);
    return burial;
  }

  async #bury(gatewayId: string, leaving: boolean): Promise<void> {
    let rerouted = 0;
    let lost = 0;
    for (;;) {
      const startedAt = performance.now();
      const how = { leaving, by: this.#lease.gatewayId };
      const step = await buryGateway(this.#redis, this.#keys, gatewayId, this.#config, how);
      rerouted += step.rerouted;
      lost += step.lost;
      if (step.outcome === 'live' || step.outcome === 'busy') return;
      if (step.outcome === 'done') break;
      // No pause for a gateway that buries itself or its old id: it has a deadline, or its sessions wait.
      if (!leaving) await setTimeout(Math.min(MAX_PAUSE_MS, performance.now() - startedAt));
    }
    if (!leaving) this.#counters.burials += 1;
    this.#log.info({ event: 'gateway_buried', dead: gatewayId, leaving, rerouted, lost }, 'buried a gateway');
  }
}
