import type { Form, History, Received, Send } from './history.ts';

/** The promises, checked against what was seen. Each answers the ones that were broken. */
export interface Seen {
  readonly history: History;
  readonly forms: ReadonlyMap<string, Form>;
  /** First receipts, per user and content, in the order in which they came. */
  readonly firsts: ReadonlyMap<string, ReadonlyMap<string, Received>>;
  readonly bySend: ReadonlyMap<string, Send>;
}

export function see(history: History, forms: ReadonlyMap<string, Form>): Seen {
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
function when({ risks }: History, { sentAt, answeredAt }: Send, { at }: Received): string {
  const after = (time: number | undefined): string => (time === undefined ? 'never' : `${Math.round(time - sentAt)}`);
  const faults = risks.map(({ what, from, overAt }) => `${what} ${after(from)} to ${after(overAt)}`);
  return ` (answered ${after(answeredAt)}, came ${after(at)}, ${faults.join(', ')})`;
}

/**
 * Redis was killed between the request and its answer: whether the script had run nobody can know. Or it was stopped
 * when it had given the message to a gateway, and not the answer to the function: then it came before Redis went on.
 */
function brokeUnder({ risks }: History, { sentAt, answeredAt }: Send, first: Received): boolean {
  return risks
    .filter(({ from }) => from >= sentAt && from <= (answeredAt ?? 0))
    .some(({ what, overAt }) => what === 'redis crash' || (what === 'redis' && first.at <= (overAt ?? 0)));
}

/** What was accepted reaches everyone who acknowledges, and everyone else unless their connection broke under it. */
export function checkDelivery({ history, forms, firsts }: Seen): string[] {
  const broken: string[] = [];
  for (const send of history.sends) {
    // What may expire is judged by its receipt.
    if (send.acceptedAt === undefined || send.to === 'everyone' || send.ttlSeconds !== undefined) continue;
    for (const user of send.to) {
      if (firsts.get(user)?.has(send.content)) continue;
      if (forms.get(user) === 'ack' || !mayBeLost(history, user, send)) {
        broken.push(
          `${user} (${forms.get(user)}) never got ${send.content}, accepted as ${send.id ?? 'a queue entry'}`,
        );
      }
    }
  }
  return broken;
}

/** The kernel had it, for a connection that was cut. */
export function mayBeLost({ stays }: History, user: string, send: Send): boolean {
  return stays.some(
    (stay) => stay.user === user && stay.abrupt && (stay.endedAt ?? Number.POSITIVE_INFINITY) >= send.sentAt,
  );
}

/** Twice only with the same id; to plain clients only around what is named as a risk, or of a read that was cut short. */
export function checkDuplicates({ history, forms }: Seen): string[] {
  const broken: string[] = [];
  const seen = new Map<string, Received>();
  for (const received of history.received) {
    const key = `${received.user} ${received.content}`;
    const before = seen.get(key);
    seen.set(key, before ?? received);
    if (!before) continue;
    if (forms.get(received.user) === 'ack') {
      if (before.id !== received.id) broken.push(`${key} came as ${before.id} and as ${received.id}`);
      if (received.content.endsWith('>*')) broken.push(`a broadcast came twice: ${key}`);
    } else if (!history.risks.some(({ from, to }) => from <= received.at && to >= before.at)) {
      broken.push(
        `${key} came twice (connections ${before.connection}, ${received.connection}) with nothing to excuse it`,
      );
    }
  }
  return broken;
}

/** What one sender sent one after the other (on one connection, or after an answer) comes in that order. */
export function checkOrder({ history, forms, firsts }: Seen): string[] {
  const broken: string[] = [];
  const bySender = Map.groupBy(
    history.sends.filter(({ refused }) => !refused),
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
    const accepted = bySend.get(content)?.id;
    if (id === undefined || accepted === undefined || id === accepted) return [];
    return [`${user} got ${content} as ${id}, but it was accepted as ${accepted}`];
  });
}
