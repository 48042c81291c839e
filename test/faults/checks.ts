import { type History, REPLICATION_MS, type Received, type Send, type Stay, type UserForm } from './history.ts';
import { LEASE_MS } from './system.ts';

/** A gateway that was paused meanwhile claims its sessions when it has lost its lease. */
const CLAIMED_AGAIN_MS = 2 * LEASE_MS;

/** The promises, checked against what was seen. Each returns those that were broken. */
export interface Seen {
  readonly history: History;
  readonly forms: ReadonlyMap<string, UserForm>;
  /** First receipts, per user and content, in the order in which they came. */
  readonly firsts: ReadonlyMap<string, ReadonlyMap<string, Received>>;
  readonly bySend: ReadonlyMap<string, Send>;
}

export function see(history: History, forms: ReadonlyMap<string, UserForm>): Seen {
  const firsts = new Map<string, Map<string, Received>>();
  for (const user of forms.keys()) firsts.set(user, new Map());
  for (const received of history.received) {
    const ofUser = firsts.get(received.user);
    if (ofUser && !ofUser.has(received.content)) ofUser.set(received.content, received);
  }
  return { history, forms, firsts, bySend: new Map(history.sends.map((send) => [send.content, send])) };
}

/** Nobody gets what was meant for another, what nobody sent, or what was refused. */
export function checkAddressees({ history, bySend, firsts }: Seen): string[] {
  return history.received.flatMap(({ user, content }) => {
    const send = bySend.get(content);
    if (!send) return [`${user} got what nobody sent: ${content}`];
    if (send.to !== 'everyone' && !send.to.includes(user)) return [`${user} got what was for another: ${content}`];
    const first = firsts.get(user)?.get(content);
    if (!send.refused || (first && brokeUnder(history, send, first))) return [];
    return [`${user} got what was refused with 503: ${content}${first ? when(history, send, first) : ''}`];
  });
}

/** In ms after it was sent. */
function when({ breaks }: History, { sentAt, answeredAt }: Send, { at }: Received): string {
  const after = (time: number | undefined): string => (time === undefined ? 'never' : `${Math.round(time - sentAt)}`);
  const faults = breaks.map(({ what, from, overAt }) => `${what} ${after(from)} to ${after(overAt)}`);
  return ` (answered ${after(answeredAt)}, came ${after(at)}, ${faults.join(', ')})`;
}

/**
 * The connection broke between the request and its answer: whether the script had run nobody can know. Or Redis had given
 * the message to a gateway when its answer was held up: then it came before Redis knew that it was withdrawn.
 */
function brokeUnder(history: History, send: Send, first: Received): boolean {
  return (
    history.mayHaveForgotten(send) ||
    history.breaks.some(
      ({ from, to, overAt = Number.POSITIVE_INFINITY }) =>
        from <= (send.answeredAt ?? 0) && to >= send.sentAt && first.at <= overAt,
    )
  );
}

/** What was accepted reaches everyone who acknowledges, and everyone else unless their connection broke under it. */
export function checkDelivery({ history, forms, firsts }: Seen): string[] {
  const broken: string[] = [];
  for (const send of history.sends) {
    // What may expire is judged by its receipt.
    if (send.acceptedAt === undefined || send.to === 'everyone' || send.ttlSeconds !== undefined) continue;
    for (const user of send.to) {
      if (firsts.get(user)?.has(send.content) || history.mayHaveForgotten(send)) continue;
      if (!mayBeLost(history, user, send)) {
        broken.push(
          `${user} (${forms.get(user)}) never got ${send.content}, accepted as ${send.id ?? 'a queue entry'}`,
        );
      }
    }
  }
  return broken;
}

/** The kernel had it, for a connection that was cut, of a client that acknowledges nothing. */
export function mayBeLost({ stays }: History, user: string, send: Send): boolean {
  return stays.some(
    (stay) =>
      stay.user === user &&
      stay.form !== 'ack' &&
      stay.abrupt &&
      (stay.endedAt ?? Number.POSITIVE_INFINITY) >= send.sentAt,
  );
}

/**
 * Twice only with the same id. Behind a copy that was given to a connection without acknowledgements there is none, but
 * around what is named as a risk.
 */
export function checkDuplicates({ history, bySend }: Seen): string[] {
  const broken: string[] = [];
  const copies = Map.groupBy(history.received, ({ user, content }) => `${user} ${content}`);
  for (const [key, all] of copies) {
    // A stalled client reads late what an older connection was sent before.
    const [first, ...others] = all.toSorted((a, b) => a.connection - b.connection || a.at - b.at);
    const send = first && bySend.get(first.content);
    if (!first || (send && (history.mayHaveForgotten(send) || mayBeDrainedTwice(history, send)))) continue;
    let done = first.form === 'ack' ? undefined : first;
    for (const copy of others) {
      if (done && !history.risks.some(({ from, to }) => from <= copy.at && to >= (done?.at ?? 0))) {
        broken.push(`${key} came twice (connections ${done.connection}, ${copy.connection}) with nothing to excuse it`);
      } else if (!done && copy.form === 'ack') {
        if (copy.id !== first.id) broken.push(`${key} came as ${first.id} and as ${copy.id}`);
        if (send?.to === 'everyone') broken.push(`a broadcast came twice: ${key}`);
      }
      if (copy.form !== 'ack') done = copy;
    }
  }
  return broken;
}

/** The store has forgotten that the entry was taken from the queue, and it was taken again. */
function mayBeDrainedTwice(
  { forgotten, received }: History,
  { via, content, acceptedAt = Number.POSITIVE_INFINITY }: Send,
): boolean {
  if (via !== 'queue') return false;
  return forgotten.some(
    ({ from, to }) =>
      acceptedAt <= to && received.some((one) => one.content === content && one.at >= from - REPLICATION_MS),
  );
}

/** Every message has an id of its own; what comes for the first time has a higher one than all that came before, on whichever connection. */
export function checkIds({ history, firsts, bySend }: Seen): string[] {
  const broken: string[] = [];
  for (const [user, ofUser] of firsts) {
    const inOrder = [...ofUser.values()].sort((a, b) => a.connection - b.connection || a.at - b.at);
    let highest: Received | undefined;
    const contents = new Map<string, string>();
    for (const received of inOrder) {
      const { id, content } = received;
      const send = bySend.get(content);
      if (id === undefined || !send || send.to === 'everyone') continue;
      const other = contents.get(id);
      if (other) broken.push(`${user} got ${other} and ${content} as ${id}`);
      contents.set(id, content);
      if (history.mayHaveForgotten(send) || isForgotten(history, user, received.connection)) continue;
      if (highest && Number(id) < Number(highest.id)) {
        broken.push(
          `${user} got ${content} (${id}, connection ${received.connection}) behind ${highest.content} (${highest.id}, connection ${highest.connection})`,
        );
      } else highest = received;
    }
  }
  return broken;
}

/** The store has lost that this connection was verified: an older one may have been served behind it. */
function isForgotten(history: History, user: string, connection: number): boolean {
  const stay = history.stays.find((one) => one.user === user && one.connection === connection);
  return stay !== undefined && history.mayHaveForgotten({ sentAt: stay.startedAt, acceptedAt: stay.startedAt });
}

/** When all is calm: of each user's connections the one that was verified last is open, and no other. Epochs only go up. */
export function checkSurvivors({ history, forms }: Seen): string[] {
  const broken: string[] = [];
  const stays = Map.groupBy(history.stays, ({ user }) => user);
  for (const user of forms.keys()) {
    const ofUser = (stays.get(user) ?? []).toSorted((a, b) => a.connection - b.connection);
    // What hangs does not see that it was closed.
    const open = ofUser.filter(({ endedAt, abrupt }) => endedAt === undefined && !abrupt);
    if (open.length !== 1 || open[0] !== ofUser.at(-1)) {
      const numbers = (some: readonly Stay[]) => some.map(({ connection }) => connection).join(', ');
      broken.push(`${user}: open are ${numbers(open)} of ${numbers(ofUser)}`);
    }
    const epochs = ofUser.flatMap(({ epoch }) => (epoch === undefined ? [] : [Number(epoch)]));
    if (epochs.some((epoch, at) => at > 0 && epoch <= (epochs[at - 1] ?? 0)))
      broken.push(`${user}: epochs ${epochs.join(', ')}`);
  }
  return broken;
}

/** What one sender sent one after the other (on one connection, or after an answer) comes in that order. */
export function checkOrder({ history, forms, firsts }: Seen): string[] {
  const broken: string[] = [];
  const bySender = Map.groupBy(
    history.sends.filter((send) => !send.refused && !history.mayHaveForgotten(send)),
    ({ sender }) => sender,
  );
  for (const user of forms.keys()) {
    const places = new Map([...(firsts.get(user)?.keys() ?? [])].map((content, place) => [content, place]));
    for (const sends of bySender.values()) {
      const got = sends.filter(({ content }) => places.has(content));
      for (const [i, earlier] of got.entries()) {
        for (const later of got.slice(i + 1)) {
          if (!mustPrecede(earlier, later)) continue;
          if ((places.get(earlier.content) ?? 0) < (places.get(later.content) ?? 0)) continue;
          if (cameOnOlderConnection(history, user, earlier, later)) continue;
          if (sentToForgotten(history, user, earlier) || mayLiveAgain(history, earlier)) continue;
          if (forms.get(user) !== 'ack' && isSecondCopy(history, firsts.get(user)?.get(earlier.content), earlier))
            continue;
          broken.push(`${user} (${forms.get(user)}) got ${later.content} before ${earlier.content}`);
          if (broken.length > 20) return broken;
        }
      }
    }
  }
  return broken;
}

/**
 * Two sockets of one user may be read in one turn, the newer one first: what came on the older connection came before.
 * A user's connections are numbered in the order in which they were verified.
 */
function cameOnOlderConnection({ received }: History, user: string, earlier: Send, later: Send): boolean {
  const oldest = ({ content }: Send) =>
    Math.min(...received.filter((one) => one.user === user && one.content === content).map((one) => one.connection));
  return oldest(earlier) < oldest(later);
}

/** The store had forgotten the user's newest connection, and it was not claimed again yet. */
function sentToForgotten(history: History, user: string, { sentAt }: Send): boolean {
  return history.forgotten.some(
    ({ to }) =>
      sentAt <= to + CLAIMED_AGAIN_MS &&
      history.stays.some((stay) => stay.user === user && isForgotten(history, user, stay.connection)),
  );
}

/** It had expired and was given up; by the clock of a server that has forgotten that, it has not expired yet. */
function mayLiveAgain({ forgotten }: History, { sentAt, ttlSeconds }: Send): boolean {
  return ttlSeconds !== undefined && forgotten.some(({ to }) => sentAt <= to);
}

/**
 * To a plain client: the first copy may have been written to a connection that was cut, and what came is the one that
 * the burial of its gateway put back.
 */
function isSecondCopy(history: History, received: Received | undefined, send: Send): boolean {
  if (!received) return false;
  const { user, at } = received;
  return mayBeLost(history, user, send) && history.risks.some(({ from, to }) => from <= at && at <= to);
}

function mustPrecede(earlier: Send, later: Send): boolean {
  // A broadcast is not stored: it does not wait for what is.
  if (earlier.to === 'everyone' || later.to === 'everyone') return false;
  if (earlier.connection !== undefined && earlier.connection === later.connection) return true;
  return earlier.acceptedAt !== undefined && earlier.acceptedAt < later.sentAt;
}

/** One send, one id. */
export function checkIdempotence({ history, bySend }: Seen): string[] {
  return history.received.flatMap(({ user, content, id }) => {
    const send = bySend.get(content);
    if (id === undefined || send?.id === undefined || id === send.id || history.mayHaveForgotten(send)) return [];
    return [`${user} got ${content} as ${id}, but it was accepted as ${send.id}`];
  });
}
