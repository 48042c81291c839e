import type { Keys } from '../../contract/store/keys.ts';
import { LIFECYCLE_LANE, type SpooledItem, shareLanes } from '../../contract/store/scripts/upstream.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/** What of one lane is in this process: read, and not yet handed on. At most one batch of it is under way. */
export class Lane {
  readonly index: number;
  readonly key: string;
  readonly items: LaneItem[] = [];
  bytes = 0;
  /** Last entry that was read. */
  position: string;
  isBusy = false;
  /** No longer this gateway's: nothing more of it is handed on. */
  isGone = false;
  /** Over the fair share: given up as soon as nothing is under way. */
  isLeaving = false;

  constructor(index: number, key: string, position: string) {
    this.index = index;
    this.key = key;
    this.position = position;
  }

  get isLifecycle(): boolean {
    return this.index === LIFECYCLE_LANE;
  }
}

export interface LaneItem extends SpooledItem {
  /** ms of the process's clock. */
  readAtMs: number;
}

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

  /** Those that may be read and handed on. */
  *usable(): IterableIterator<Lane> {
    if (!this.#parts.lease.isHeld || this.#parts.lease.gatewayId !== this.#gatewayId) return;
    for (const lane of this.#owned.values()) {
      const isWanted = lane.isLifecycle ? this.#parts.wants.lifecycle : this.#parts.wants.items;
      if (isWanted && !lane.isLeaving) yield lane;
    }
  }

  /** False once another gateway may have it. */
  isOurs(lane: Lane): boolean {
    return !lane.isGone && this.#parts.lease.gatewayId === this.#gatewayId;
  }

  start(): void {
    this.#isRunning = true;
    this.#tick();
  }

  /** What we have is free when our lease has ended. */
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
    // Under a new id nothing of the old one's is ours.
    if (gatewayId !== this.#gatewayId) this.#drop([...this.#owned.values()]);
    this.#gatewayId = gatewayId;
    const giveUp = [...this.#owned.values()].filter((lane) => lane.isLeaving && !lane.isBusy);
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
      lane.isLeaving = true;
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
      lane.isGone = true;
      this.#owned.delete(lane.index);
    }
  }
}
