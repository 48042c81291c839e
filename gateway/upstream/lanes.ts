import type { Keys } from '../../contract/store/keys.ts';
import { LIFECYCLE_LANE, shareLanes } from '../../contract/store/scripts/upstream.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { Lane } from './lane.ts';

const TICK_MS = 1_000;

interface LanesParts {
  redis: RedisPort;
  keys: Keys;
  lease: { readonly gatewayId: string; readonly isHeld: boolean };
  log: Log;
  wants: { items: boolean; lifecycle: boolean };
  onChange: () => void;
}

/**
 * Which lanes this gateway hands on. The gateways of a deployment share them evenly; a lane belongs to its gateway for
 * as long as that one's lease runs, so that those of a dead gateway are free when it is buried.
 */
export class Lanes {
  readonly #parts: LanesParts;
  readonly #owned = new Map<number, Lane>();
  #gatewayId = '';
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  constructor(parts: LanesParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#owned.size;
  }

  /** The lanes that may be read and handed on. */
  *usable(): IterableIterator<Lane> {
    if (!this.#parts.lease.isHeld || this.#parts.lease.gatewayId !== this.#gatewayId) return;
    for (const lane of this.#owned.values()) {
      const isWanted = lane.isLifecycle ? this.#parts.wants.lifecycle : this.#parts.wants.items;
      if (isWanted && lane.isOwned) yield lane;
    }
  }

  /** Returns false once another gateway may have the lane. */
  isOurs(lane: Lane): boolean {
    return !lane.isGone && this.#parts.lease.gatewayId === this.#gatewayId;
  }

  start(): void {
    this.#isRunning = true;
    this.#tick();
  }

  /** The lanes become free when the lease ends. */
  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  #tick(): void {
    void this.#share()
      .catch((error: unknown) =>
        this.#parts.log.error({ event: 'lanes_failed', error: String(error) }, 'could not share the upstream lanes'),
      )
      .finally(() => {
        if (this.#isRunning) this.#timer = setTimeout(() => this.#tick(), TICK_MS);
      });
  }

  async #share(): Promise<void> {
    const { redis, keys, lease, wants } = this.#parts;
    const gatewayId = lease.gatewayId;
    // Under a new id no lane of the old id is ours.
    if (gatewayId !== this.#gatewayId) this.#drop([...this.#owned.values()]);
    this.#gatewayId = gatewayId;
    const giveUp = [...this.#owned.values()].filter((lane) => lane.mayBeGivenUp);
    this.#drop(giveUp);
    const { lifecycle } = wants;
    const { fair, lanes } = await shareLanes(redis, keys, gatewayId, {
      lifecycle,
      giveUp: giveUp.map(({ index }) => index),
    });
    if (gatewayId !== lease.gatewayId) return;
    this.#drop([...this.#owned.values()].filter(({ index }) => !lanes.includes(index)));
    for (const index of lanes) if (!this.#owned.has(index)) this.#owned.set(index, await this.#open(index));
    [...this.#owned.values()].slice(Math.max(1, fair)).forEach((lane) => {
      lane.leave();
    });
    this.#parts.onChange();
  }

  async #open(index: number): Promise<Lane> {
    const { redis, keys } = this.#parts;
    if (index !== LIFECYCLE_LANE) return new Lane(index, keys.upstreamLane(index), '0-0');
    const position = await redis.command('GET', keys.upstreamPosition);
    return new Lane(index, keys.events, typeof position === 'string' ? position : '$');
  }

  #drop(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      lane.drop();
      this.#owned.delete(lane.index);
    }
  }
}
