import type { Session } from './session.ts';

/** The verified sessions of this gateway, by user id. */
export class Registry {
  /** Sessions whose messages need an id: a broadcast to them cannot take the direct way. */
  ackSessions = 0;
  /** Those that are served from their mailbox for now. */
  readonly replaying = new Set<Session>();
  readonly #byUser = new Map<string, Session>();

  get size(): number {
    return this.#byUser.size;
  }

  get(userId: string): Session | undefined {
    return this.#byUser.get(userId);
  }

  /** The session of this very stay, or undefined when it has ended or another has begun. */
  find(userId: string, epoch: number): Session | undefined {
    const session = this.#byUser.get(userId);
    return session?.epoch === epoch ? session : undefined;
  }

  add(session: Session): void {
    this.#byUser.set(session.userId, session);
    if (session.form === 'ack') this.ackSessions += 1;
  }

  /** Takes out this session, not one that has taken its place. */
  remove(session: Session): void {
    if (this.#byUser.get(session.userId) !== session) return;
    this.#byUser.delete(session.userId);
    if (session.form === 'ack') this.ackSessions -= 1;
  }

  all(): IterableIterator<Session> {
    return this.#byUser.values();
  }
}
