import { setTimeout } from 'node:timers/promises';
import type { StoreProxy } from '../kit/store-proxy.ts';
import type { History } from './history.ts';
import type { LinkStep } from './schedule.ts';
import type { System } from './system.ts';

/** What was kept has reached Redis, and is carried out, so long after it was passed on. */
const PASSED_ON_MS = 250;

/** What is done to the ways to Redis. A gateway that loses its lease by it says so in its log. */
export class LinkFaults {
  readonly #system: System;
  readonly #history: History;

  constructor(system: System, history: History) {
    this.#system = system;
    this.#history = history;
  }

  async apply(step: LinkStep): Promise<void> {
    const { links } = this.#system;
    if (!links) return;
    const proxy = links.gateways[step.link] ?? links.api;
    const breakOf = (what: string) => (proxy === links.api ? this.#history.broke(what) : undefined);
    switch (step.what) {
      case 'swallow link':
        breakOf('its link went dead');
        return proxy.swallow();
      case 'cut in reply': {
        const cut = breakOf('its link was cut in a reply');
        if (cut) cut.to = Number.POSITIVE_INFINITY;
        return proxy.cutInReply(step.afterBytes, () => {
          if (cut) cut.to = performance.now();
        });
      }
      case 'delay link':
        return this.#during(
          step.forMs,
          () => proxy.delay(step.byMs),
          () => proxy.delay(0),
        );
      case 'hold link':
        return this.#hold(proxy, step.forMs, breakOf('its link kept what came'));
      default:
        breakOf('its link was cut');
        return this.#during(
          step.forMs,
          () => proxy.cut(),
          () => proxy.mend(),
        );
    }
  }

  async #during(forMs: number, begin: () => void, end: () => void): Promise<void> {
    begin();
    await setTimeout(forMs);
    end();
  }

  async #hold(proxy: StoreProxy, forMs: number, held: { overAt?: number } | undefined): Promise<void> {
    if (held) held.overAt = performance.now() + forMs + PASSED_ON_MS;
    await this.#during(
      forMs,
      () => proxy.hold(),
      () => proxy.release(),
    );
    if (held) held.overAt = performance.now() + PASSED_ON_MS;
  }
}
