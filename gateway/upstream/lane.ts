import { LIFECYCLE_LANE, type SpooledItem } from '../../contract/store/scripts/upstream.ts';

export interface LaneItem extends SpooledItem {
  /** ms of the process's clock. */
  readonly readAtMs: number;
  /** Says that events are missing here; `text` is then the members of the event of that kind. */
  readonly isGap?: true;
}

/**
 * The part of one lane that is in this process: items that were read and not handed on yet. It is in one of these modes:
 *
 *   owned     Its items are read and handed on. Left when this gateway has more than its fair share, or loses the lane.
 *   leaving   Over the fair share: nothing more of it is read or handed on. It is given up as soon as no batch of it is in
 *             flight; then it is gone.
 *   gone      Another gateway may have it: a batch in flight leaves its items to that one. Never left.
 *
 * At most one batch of a lane is in flight, in any mode: so its order holds.
 */
export class Lane {
  readonly index: number;
  readonly key: string;
  #mode: 'owned' | 'leaving' | 'gone' = 'owned';
  readonly #items: LaneItem[] = [];
  #bytes = 0;
  #position: string;
  #isInFlight = false;

  constructor(index: number, key: string, position: string) {
    this.index = index;
    this.key = key;
    this.#position = position;
  }

  get isLifecycle(): boolean {
    return this.index === LIFECYCLE_LANE;
  }

  get isOwned(): boolean {
    return this.#mode === 'owned';
  }

  get isGone(): boolean {
    return this.#mode === 'gone';
  }

  get mayBeGivenUp(): boolean {
    return this.#mode === 'leaving' && !this.#isInFlight;
  }

  /** Whether a batch of it is in flight. */
  get isInFlight(): boolean {
    return this.#isInFlight;
  }

  get items(): readonly LaneItem[] {
    return this.#items;
  }

  /** Bytes of its items. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The last entry that was read. */
  get position(): string {
    return this.#position;
  }

  /** An entry was read. `item` undefined: nothing is handed on of it. */
  read(position: string, item: LaneItem | undefined): void {
    this.#position = position;
    if (item === undefined) return;
    this.#items.push(item);
    this.#bytes += item.bytes;
  }

  /** Takes the first items into a batch. */
  beginBatch(count: number): LaneItem[] {
    const items = this.#items.splice(0, count);
    for (const { bytes } of items) this.#bytes -= bytes;
    this.#isInFlight = true;
    return items;
  }

  endBatch(): void {
    this.#isInFlight = false;
  }

  leave(): void {
    this.#enter('leaving');
  }

  drop(): void {
    this.#enter('gone');
  }

  #enter(mode: 'leaving' | 'gone'): void {
    if (this.#mode !== 'gone') this.#mode = mode;
  }
}
