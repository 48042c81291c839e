import type { DirectBroadcasts } from '../../contract/store/direct-broadcasts.ts';
import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import type { Refusal } from '../../contract/wire/refusals.ts';
import type { Log } from '../../shared/log.ts';
import type { Broadcasts } from './broadcasts-port.ts';
import type { CloseReason } from './close-reasons.ts';
import type { DownlinkParts } from './downlink.ts';
import type { Frame, FrameReaderParts } from './frame-reader.ts';
import type { PendingAuthParts } from './pending-auth.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';
import type { Wheel } from './wheel.ts';

/** What all sessions of a gateway share. One object for all of them: a session keeps a single reference. */
export type SessionParts = FrameReaderParts &
  PendingAuthParts &
  DownlinkParts & {
    readonly settings: {
      readonly heartbeatTimeoutMs: number;
      readonly maxBadFrames: number;
      readonly maxVerifyAttempts: number;
    };
    /** Handles a frame by its command. */
    readonly handle: (session: Session, frame: Frame) => void;
    readonly broadcasts: Broadcasts;
    readonly registry: Pick<Registry, 'add' | 'remove' | 'size'>;
    readonly wheel: Pick<Wheel, 'set' | 'bringForward' | 'clear'>;
    readonly store: {
      /** Does not reject. */
      release(release: {
        session: { userId: string; epoch: number; holder: string };
        reason: string;
        handsOver: boolean;
        given: DirectBroadcasts | undefined;
        undelivered: readonly Undelivered[] | Promise<readonly Undelivered[]>;
      }): Promise<void>;
    };
    readonly tail: { readonly isOn: boolean; refused(user: string, type: 'refused', reason: string): void };
    /** Sums to which all sessions of a gateway add. */
    readonly counters: {
      badFrames: number;
      slowReaders: number;
      refused(refusal: Refusal): void;
      closed(reason: CloseReason): void;
    };
    readonly log: Pick<Log, 'debug'>;
  };
