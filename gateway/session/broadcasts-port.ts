import type { Session } from './session.ts';

/** Broadcasts on their way to all sessions of the gateway. */
export interface Broadcasts {
  /** The session gets those that come from now on; those before, it has had, or came too late for. */
  join(session: Session): void;
  leave(session: Session): void;
  /** Delivers those that the session has not had yet, before whatever it is sent next. */
  catchUp(session: Session): void;
}
