import { type CommandParts, dispatch } from './commands/dispatch.ts';
import type { GatewayConfig } from './config.ts';
import { Broadcast } from './delivery/broadcast.ts';
import { Flusher } from './delivery/flusher.ts';
import { Outbox } from './delivery/outbox.ts';
import { StalledBytes } from './delivery/stalled-bytes.ts';
import type { Counters } from './observe/counters.ts';
import { Router, type RouterParts } from './routing/router.ts';
import { Decoders } from './session/frame-reader.ts';
import type { Registry } from './session/registry.ts';
import { Session } from './session/session.ts';
import type { SessionParts } from './session/session-parts.ts';
import { VerifyLimits } from './session/verify-limits.ts';
import type { Wheel } from './session/wheel.ts';

type ComposedHere =
  | 'settings'
  | 'store'
  | 'handle'
  | 'makeOutbox'
  | 'flusher'
  | 'broadcasts'
  | 'stalled'
  | 'unverifiedBytes'
  | 'decoders';

/** What sessions need of the network, of Redis and of the fleet. Tests stand in for these with plain objects. */
type SessionSurroundings = Omit<SessionParts, ComposedHere> &
  Omit<CommandParts, 'settings' | 'verifyLimits' | 'router'> &
  Pick<RouterParts, 'lease' | 'queue' | 'inbox'> & {
    readonly config: GatewayConfig;
    readonly counters: Counters;
    readonly registry: Registry;
    readonly wheel: Wheel;
    readonly sessionStore: SessionParts['store'];
    /** Called ahead of every flush: nothing is delivered without a lease. */
    readonly checkLease: () => void;
    /** Sends what the connections were handed. */
    readonly flushNetwork: () => void;
  };

interface ComposedSessions {
  readonly broadcasts: Broadcast;
  readonly stalled: StalledBytes;
  /** Makes the session that owns a new connection. */
  readonly makeOwner: (...connection: SessionArguments) => Session;
}

type SessionArguments = ConstructorParameters<typeof Session> extends [unknown, ...infer Rest] ? Rest : never;

/** Makes and connects everything between the network and Redis: the handlers of frames, and the delivery to sessions. */
export function composeSessions(around: SessionSurroundings): ComposedSessions {
  const { config, registry, counters, wheel, lease, tail, queue, inbox } = around;
  const flusher = new Flusher({
    before(nowMs, budget) {
      around.checkLease();
      return broadcasts.flush(nowMs, budget);
    },
    send: around.flushNetwork,
  });
  const schedule = () => flusher.wake();
  const broadcasts = new Broadcast({ registry, counters, schedule, send: around.flushNetwork, tail });
  const commandParts: CommandParts = {
    ...around,
    settings: config,
    verifyLimits: new VerifyLimits({ wheel, counters, settings: config }),
    router: new Router({ config, registry, lease, queue, inbox, broadcasts }),
  };
  const stalled = new StalledBytes(config.outboxTotalMaxBytes);
  const sessionParts: SessionParts = {
    ...around,
    settings: config,
    store: around.sessionStore,
    handle: (session, frame) => dispatch(session, frame, commandParts),
    makeOutbox: (connection, owner) => new Outbox(connection, owner, stalled),
    flusher,
    broadcasts,
    stalled,
    unverifiedBytes: { total: 0 },
    decoders: new Decoders(),
  };
  return { broadcasts, stalled, makeOwner: (...connection) => new Session(sessionParts, ...connection) };
}
