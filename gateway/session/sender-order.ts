import { type RouteCommand, recipientsOf } from '../../contract/store/scripts/route.ts';

type To = RouteCommand['to'];

interface Inbox {
  /** Whether it was read up to this entry. */
  hasPassed(entry: string): boolean;
}

/** Recipients that are remembered one by one; with more, everything of the sender waits for its last entry. */
const RECIPIENTS_MAX = 1_024;

/**
 * Keeps the order of one sender's messages where two ways lead to a receiver: a message may go directly to a session of this
 * gateway only when nothing that its sender sent to that receiver before is still on its way through Redis.
 */
export class SenderOrder {
  #inFlight = 0;
  #bytesInFlight = 0;
  /** Of these, such as may come back to any session of this gateway: messages to a group or to everyone. */
  #toMany = 0;
  /** Of these, messages to one recipient: how many, by recipient. */
  readonly #inFlightTo = new Map<string, number>();
  /** The entry of our own inbox up to which there may be messages of this sender to anybody. */
  #awaitedEntry: string | undefined;
  /** The same of messages to one recipient, in the order of the entries. */
  readonly #awaitedFor = new Map<string, string>();

  /** Commands on their way to Redis. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Bytes of these. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  begin(to: To, bytes: number): void {
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    const only = onlyRecipient(to);
    if (only !== undefined) this.#inFlightTo.set(only, (this.#inFlightTo.get(only) ?? 0) + 1);
    else if (comesBack(to)) this.#toMany += 1;
  }

  /** `entry`: routed messages may be in our own inbox up to this entry; undefined: none is. */
  end(to: To, bytes: number, entry?: string): void {
    this.#inFlight -= 1;
    this.#bytesInFlight -= bytes;
    const only = onlyRecipient(to);
    if (only === undefined) {
      if (comesBack(to)) this.#toMany -= 1;
      if (entry !== undefined) this.awaitEntry(entry);
      return;
    }
    const left = (this.#inFlightTo.get(only) ?? 1) - 1;
    if (left > 0) this.#inFlightTo.set(only, left);
    else this.#inFlightTo.delete(only);
    if (entry !== undefined) this.#awaitFor(only, entry);
  }

  /** Nothing may overtake what the inbox has up to this entry; undefined: it has nothing. */
  awaitEntry(entry: string | undefined): void {
    this.#awaitedEntry = entry;
  }

  /** Whether the direct way is open to this recipient. */
  isClearTo(recipient: string, inbox: Inbox): boolean {
    if (this.#toMany > 0 || !this.#hasPassedAll(inbox)) return false;
    if (this.#inFlightTo.has(recipient)) return false;
    return !this.#awaitedFor.has(recipient);
  }

  /** Whether the direct way is open to everybody. */
  isClear(inbox: Inbox): boolean {
    if (this.#toMany > 0 || !this.#hasPassedAll(inbox)) return false;
    return this.#inFlightTo.size === 0 && this.#awaitedFor.size === 0;
  }

  /** Forgets what the inbox has passed. Returns whether that is all that anybody has to wait for. */
  #hasPassedAll(inbox: Inbox): boolean {
    for (const [recipient, entry] of this.#awaitedFor) {
      if (!inbox.hasPassed(entry)) break;
      this.#awaitedFor.delete(recipient);
    }
    if (this.#awaitedEntry === undefined) return true;
    if (!inbox.hasPassed(this.#awaitedEntry)) return false;
    this.#awaitedEntry = undefined;
    return true;
  }

  #awaitFor(recipient: string, entry: string): void {
    // Behind all others: entries only go up.
    this.#awaitedFor.delete(recipient);
    this.#awaitedFor.set(recipient, entry);
    if (this.#awaitedFor.size <= RECIPIENTS_MAX) return;
    this.#awaitedFor.clear();
    this.awaitEntry(entry);
  }
}

function onlyRecipient(to: To): string | undefined {
  const recipients = recipientsOf(to);
  return recipients.length === 1 ? recipients[0] : undefined;
}

/** Sessions of this gateway may get it through Redis: they were not given it directly. */
function comesBack(to: To): boolean {
  return typeof to === 'string' || !('direct' in to);
}
