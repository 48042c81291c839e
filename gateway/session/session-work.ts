import { type FrameReader, PauseReason } from './frame-reader.ts';
import { InFlightLimit } from './in-flight-limit.ts';
import { SenderOrder } from './sender-order.ts';
import { Uplink } from './uplink.ts';

/** How long a client that has shut down its sending side is given to get its last replies. */
const FINISH_TIMEOUT_MS = 30_000;
/** Acknowledge frames of one session on their way to Redis. */
const MAX_ACKNOWLEDGEMENTS_IN_FLIGHT = 64;
/** Of a session without application commands. */
const NOTHING: Pick<Uplink, 'spooling' | 'requests'> = { spooling: 0, requests: 0 };

/** What one client has sent and is still in flight. Most clients only listen: each part is made when it is first needed. */
export class SessionWork {
  /** When a client that has shut down its sending side must have its replies; 0: it has not shut down. */
  #finishesByMs = 0;
  #order: SenderOrder | undefined;
  #uplink: Uplink | undefined;
  #acknowledgements: InFlightLimit | undefined;

  /** Made with the first command that must not be overtaken. */
  get order(): SenderOrder {
    this.#order ??= new SenderOrder();
    return this.#order;
  }

  /** Made with the first application command. */
  get uplink(): Uplink {
    this.#uplink ??= new Uplink();
    return this.#uplink;
  }

  /** Acknowledge frames on their way to Redis. Made with the first one. */
  acknowledgements(reader: FrameReader): InFlightLimit {
    this.#acknowledgements ??= new InFlightLimit(reader, PauseReason.acknowledging, MAX_ACKNOWLEDGEMENTS_IN_FLIGHT);
    return this.#acknowledgements;
  }

  get commandsInFlight(): number {
    return this.#order?.inFlight ?? 0;
  }

  /** What the client sent from another connection may be in our inbox up to this entry; undefined: nothing is. */
  awaitEntry(entry: string | undefined): void {
    if (entry !== undefined || this.#order !== undefined) this.order.awaitEntry(entry);
  }

  /** The client has shut down its sending side, and its frames have been handled. */
  get isFinishing(): boolean {
    return this.#finishesByMs > 0;
  }

  /** Returns whether the client has its replies, or has waited for them long enough. `areWritten`: those that there are so far. */
  finish(nowMs: number, areWritten: boolean): boolean {
    if (this.#finishesByMs === 0) this.#finishesByMs = nowMs + FINISH_TIMEOUT_MS;
    return (areWritten && this.#inFlight === 0) || nowMs >= this.#finishesByMs;
  }

  /** What will have a reply. */
  get #inFlight(): number {
    const { spooling, requests } = this.#uplink ?? NOTHING;
    return this.commandsInFlight + (this.#acknowledgements?.inFlight ?? 0) + spooling + requests;
  }
}
