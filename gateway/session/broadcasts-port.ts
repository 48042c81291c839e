import type { Session } from './session.ts';

/** Broadcasts on their way to all sessions of the gateway. */
export interface Broadcasts {
  /** The session receives broadcasts added after this call, and none from before it. */
  join(session: Session): void;
  leave(session: Session): void;
  /** Delivers those that the session has not had yet, before whatever it is sent next. */
  catchUp(session: Session): void;
}
