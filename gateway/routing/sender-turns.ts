import { STEP_WORK } from '../../contract/store/work.ts';

/** Commands in one call of the script, beside the bound of its work: it holds Redis up for a few milliseconds. */
const BATCH = 256;
/** The work of a sender's turn, where more waits than one call takes; a command with more work is a turn of its own. */
const TURN_WORK = 100;

interface Command {
  /** Units of work of the route script. */
  readonly work: number;
  readonly command: { readonly from: string };
}

/**
 * Commands that wait for a call of the route script. While one call takes them all, they go in the order in which they
 * came. When more wait, their senders take turns, so that nobody waits for all that another client has sent. The commands
 * of one sender keep their order.
 */
export class SenderTurns<T extends Command> {
  #arrived: T[] = [];
  #arrivedWork = 0;
  /** Left over when a call could not take all: by sender, in the order of their turns. */
  readonly #lists = new Map<string, T[]>();
  #listed = 0;

  get length(): number {
    return this.#arrived.length + this.#listed;
  }

  add(item: T): void {
    this.#arrived.push(item);
    this.#arrivedWork += item.work;
  }

  /** The commands of the next call: one at least, and no more than its bound unless one alone is above it. */
  take(): readonly T[] {
    const arrived = this.#arrived;
    const fitInOneCall = arrived.length <= BATCH && (this.#arrivedWork <= STEP_WORK || arrived.length === 1);
    this.#arrived = [];
    this.#arrivedWork = 0;
    if (this.#listed === 0 && fitInOneCall) return arrived;
    for (const item of arrived) this.#enlist(item);
    return this.#takeTurns();
  }

  #enlist(item: T): void {
    const list = this.#lists.get(item.command.from);
    if (list === undefined) this.#lists.set(item.command.from, [item]);
    else list.push(item);
    this.#listed += 1;
  }

  #takeTurns(): T[] {
    const batch: T[] = [];
    let work = 0;
    // A sender with more work after its turn is added again, behind all others.
    for (const [sender, list] of this.#lists) {
      let taken = 0;
      let turnWork = 0;
      for (const item of list) {
        if (batch.length === BATCH || (batch.length > 0 && work + item.work > STEP_WORK)) break;
        if (taken > 0 && turnWork + item.work > TURN_WORK) break;
        batch.push(item);
        work += item.work;
        turnWork += item.work;
        taken += 1;
      }
      // The batch is full: this sender's turn is the first of the next one.
      if (taken === 0) break;
      this.#lists.delete(sender);
      list.splice(0, taken);
      if (list.length > 0) this.#lists.set(sender, list);
    }
    this.#listed -= batch.length;
    return batch;
  }
}
