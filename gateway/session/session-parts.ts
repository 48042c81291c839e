import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import type { Refusal } from '../../contract/wire/refusals.ts';
import type { Log } from '../../shared/log.ts';
import type { CloseReason } from './close-reasons.ts';
import type { Frame, FrameReaderParts } from './frame-reader.ts';
import type { Message } from './messages.ts';
import type { MakeOutbox, SessionOutbox } from './outbox-port.ts';
import type { PendingAuthParts } from './pending-auth.ts';
import type { Registry } from './registry.ts';
import type { ReplayParts } from './replay.ts';
import type { Session } from './session.ts';
import type { Wheel } from './wheel.ts';

/** Broadcasts on their way to all sessions of the gateway. */
export interface Broadcasts {
  /** The session gets those that come from now on; those before, it has had, or came too late for. */
  join(session: Session): void;
  leave(session: Session): void;
  /** Delivers those that the session has not had yet, before whatever it is sent next. */
  catchUp(session: Session): void;
}

/** What all sessions of a gateway share. One object for all of them: a session keeps a single reference. */
export type SessionParts = FrameReaderParts &
  PendingAuthParts &
  ReplayParts & {
    readonly settings: {
      readonly heartbeatTimeoutMs: number;
      readonly slowReaderTimeoutMs: number;
      readonly maxBadFrames: number;
      readonly maxVerifyAttempts: number;
    };
    /** Decides what a frame means. */
    readonly handle: (session: Session, frame: Frame) => void;
    readonly makeOutbox: MakeOutbox;
    /** Flushes an outbox at the end of this turn of the event loop. */
    readonly flusher: { schedule(outbox: SessionOutbox): void };
    readonly broadcasts: Broadcasts;
    /** Bytes for readers that have stopped reading, of all sessions. */
    readonly stalled: { readonly isFull: boolean };
    readonly registry: Registry;
    readonly wheel: Pick<Wheel, 'bringForward' | 'clear'>;
    readonly store: {
      /** Does not reject. */
      release(release: {
        session: { userId: string; epoch: number; holder: string };
        reason: string;
        handsOver: boolean;
        undelivered: readonly Undelivered[] | Promise<readonly Undelivered[]>;
      }): Promise<void>;
      /** Does not reject. */
      giveUpTooLarge(userId: string, message: { id: string; flags: string; isStored: boolean }): Promise<void>;
    };
    readonly tail: {
      readonly isOn: boolean;
      delivered(user: string, message: Message): void;
      refused(user: string, type: 'refused', reason: string): void;
    };
    readonly counters: SessionCounters;
    readonly log: Pick<Log, 'debug'>;
  };

/** Sums to which all sessions of a gateway add. */
interface SessionCounters {
  framesOut: number;
  bytesOut: number;
  badFrames: number;
  slowReaders: number;
  behindSession: number;
  behindAll: number;
  wrote(message: Message, acknowledges: boolean, nowMs: number): void;
  wroteAsk(id: number, nowMs: number): void;
  refused(refusal: Refusal): void;
  closed(reason: CloseReason): void;
}
