import { type DirectBroadcasts, NO_DIRECT_BROADCASTS } from '../../contract/store/direct-broadcasts.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';

/** Who a session is: one user's stay. Replaced as a whole when the client verifies, or the gateway claims the session again. */
export interface Identity {
  readonly userId: string;
  /** Together with `holder` it names the stay. */
  readonly epoch: number;
  /** The gateway id under which this epoch was claimed. */
  readonly holder: string;
  /** The epoch of the verify, when the session was claimed again since: that gave it a new epoch. */
  readonly sinceEpoch: number | undefined;
  readonly form: SessionForm;
  /** As bits, see features.ts. */
  readonly features: number;
  /** Broadcasts up to this message id are older than this stay: the user may have had them where it was before. */
  readonly joinedAtMessageId: number;
  /** Broadcasts that the user was given elsewhere before Redis had them. */
  readonly given: readonly DirectBroadcasts[];
  /** The largest frame that the client can take; NO_FRAME_LIMIT: it named none. */
  readonly maxFrameBytes: number;
}

/** More than MAX_FRAME_BYTES can be. Not Infinity, which takes an object of its own in each identity. */
export const NO_FRAME_LIMIT = 2 ** 30;

/** Before the verify. */
export const ANONYMOUS: Identity = {
  userId: '',
  epoch: 0,
  holder: '',
  sinceEpoch: undefined,
  form: 'plain',
  features: 0,
  joinedAtMessageId: 0,
  given: NO_DIRECT_BROADCASTS,
  maxFrameBytes: NO_FRAME_LIMIT,
};
