import type { Session } from './session.ts';

/** The verified sessions of this gateway, by user id. */
export class Registry {
  #ackSessions = 0;
  readonly #replaying = new Set<Session>();
  readonly #byUser = new Map<string, Session>();

  get size(): number {
    return this.#byUser.size;
  }

  /** Sessions whose messages need an id: a broadcast to them cannot take the direct way. */
  get ackSessions(): number {
    return this.#ackSessions;
  }

  /** Sessions that are served from their mailbox for now. */
  get replaying(): Iterable<Session> {
    return this.#replaying;
  }

  get(userId: string): Session | undefined {
    return this.#byUser.get(userId);
  }

  /** The session of this very stay; undefined when it has ended or another has begun. */
  find(userId: string, epoch: number): Session | undefined {
    const session = this.#byUser.get(userId);
    return session?.epoch === epoch ? session : undefined;
  }

  add(session: Session): void {
    this.#byUser.set(session.userId, session);
    if (session.form === 'ack') this.#ackSessions += 1;
  }

  /** Removes this session, not another that has taken its place. */
  remove(session: Session): void {
    if (this.#byUser.get(session.userId) !== session) return;
    this.#byUser.delete(session.userId);
    if (session.form === 'ack') this.#ackSessions -= 1;
  }

  beginReplay(session: Session): void {
    this.#replaying.add(session);
  }

  endReplay(session: Session): void {
    this.#replaying.delete(session);
  }

  all(): IterableIterator<Session> {
    return this.#byUser.values();
  }
}
