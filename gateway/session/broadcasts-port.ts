import type { DirectBroadcasts } from '../../contract/store/direct-broadcasts.ts';
import type { Session } from './session.ts';

/** Broadcasts on their way to all sessions of the gateway. */
export interface Broadcasts {
  /** A user's stay begins: the session receives broadcasts added after this call, and none from before it. */
  begin(session: Session): void;
  /** The session has had all broadcasts so far, or is not due them. */
  join(session: Session): void;
  leave(session: Session): void;
  /** Delivers those that the session has not had yet, before whatever it is sent next. */
  catchUp(session: Session): void;
  /** Those that the session was given since its stay began, without the last `unsent`; undefined: none. */
  given(session: Session, unsent: number): DirectBroadcasts | undefined;
}
