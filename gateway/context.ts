import type { Keys } from '../contract/store/keys.ts';
import type { GatewayConfig } from './config.ts';
import type { FanOut } from './delivery/broadcast.ts';
import type { Flusher } from './delivery/flusher.ts';
import type { StalledBytes } from './delivery/stalled-bytes.ts';
import type { Lease } from './fleet/lease.ts';
import type { Counters } from './observe/counters.ts';
import type { DeliveryTraces } from './observe/delivery-traces.ts';
import type { Log } from './observe/log.ts';
import type { Tail } from './observe/tail.ts';
import type { Router } from './routing/router.ts';
import type { Registry } from './session/registry.ts';
import type { VerifyLimits } from './session/verify-limits.ts';
import type { Wheel } from './session/wheel.ts';
import type { ClaimsUnderWay } from './store/claims-in-flight.ts';
import type { DeliveryMarks } from './store/delivery-marks.ts';
import type { GatewayRedis } from './store/redis.ts';
import type { SessionStore } from './store/session-store.ts';
import type { Verifier } from './store/verifier.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What the parts of one gateway share. Made and connected in gateway.ts. */
export interface GatewayContext {
  readonly config: GatewayConfig;
  readonly log: Log;
  readonly counters: Counters;
  readonly redis: GatewayRedis;
  readonly keys: Keys;
  readonly lease: Lease;
  readonly registry: Registry;
  readonly wheel: Wheel;
  readonly flusher: Flusher;
  readonly fanOut: FanOut;
  readonly router: Router;
  readonly verifier: Verifier;
  readonly verifyLimits: VerifyLimits;
  readonly stalled: StalledBytes;
  readonly sessionStore: SessionStore;
  readonly claims: ClaimsUnderWay;
  readonly marks: DeliveryMarks;
  /** Undefined: no function takes what devices send. */
  readonly upstream: Upstream | undefined;
  /** Undefined: nobody asked for traces. */
  readonly traces: DeliveryTraces | undefined;
  readonly tail: Tail;
}
