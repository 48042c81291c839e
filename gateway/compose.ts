import { type Keys, keysOf } from '../contract/store/keys.ts';
import type { Traces } from '../shared/trace.ts';
import { composeSessions } from './compose-sessions.ts';
import type { GatewayConfig } from './config.ts';
import { InboxHandOut } from './delivery/inbox-hand-out.ts';
import { InboxReader } from './delivery/inbox-reader.ts';
import { Undertaker } from './fleet/burial.ts';
import { Lease } from './fleet/lease.ts';
import { Rebalance } from './fleet/rebalance.ts';
import { ScheduledReleases } from './fleet/scheduled-releases.ts';
import { StoreClock } from './fleet/store-clock.ts';
import { Sweeper } from './fleet/sweep.ts';
import { chooseNetwork } from './net/choose-network.ts';
import { Listener } from './net/listener.ts';
import { TlsMaterial } from './net/tls-material.ts';
import { Counters } from './observe/counters.ts';
import { DebugEndpoints } from './observe/debug.ts';
import { DeliveryTraces } from './observe/delivery-traces.ts';
import { EventLoop } from './observe/event-loop.ts';
import { HealthServer } from './observe/health-server.ts';
import type { GatewayLog } from './observe/log.ts';
import { Observer, tracesOf } from './observe/observer.ts';
import { Tail } from './observe/tail.ts';
import { QueueDrain } from './routing/queue-drain.ts';
import { RouteQueue } from './routing/route-queue.ts';
import { Registry } from './session/registry.ts';
import type { Session } from './session/session.ts';
import { Wheel } from './session/wheel.ts';
import { ClaimsInFlight } from './store/claims-in-flight.ts';
import { DeliveryProgress } from './store/delivery-progress.ts';
import { RecentCalls } from './store/recent-calls.ts';
import { connectRedis, type GatewayRedis } from './store/redis.ts';
import { SessionStore } from './store/session-store.ts';
import { Verifier } from './store/verifier.ts';
import { Upstream } from './upstream/upstream.ts';

/** The parts of one gateway that are started, stopped or asked from outside. */
export interface GatewayParts {
  /** For the start line. */
  readonly networkDescription: string;
  readonly config: GatewayConfig;
  readonly log: GatewayLog;
  readonly keys: Keys;
  readonly redis: GatewayRedis;
  /** Waits for entries of the public queue. */
  readonly queueRedis: GatewayRedis;
  readonly wheel: Wheel;
  readonly registry: Registry;
  readonly listener: Listener<Session>;
  /** Undefined: no TLS in the gateway itself. */
  readonly tlsMaterial: TlsMaterial | undefined;
  readonly lease: Lease;
  readonly claims: ClaimsInFlight;
  readonly undertaker: Undertaker;
  readonly sweeper: Sweeper;
  readonly releases: ScheduledReleases;
  /** Undefined: off. */
  readonly rebalance: Rebalance | undefined;
  readonly inbox: InboxReader;
  readonly routeQueue: RouteQueue;
  readonly queueDrain: QueueDrain;
  readonly sessionStore: SessionStore;
  readonly progress: DeliveryProgress;
  readonly recentCalls: RecentCalls;
  /** Undefined: no function takes frames of devices. */
  readonly upstream: Upstream | undefined;
  readonly health: HealthServer;
  readonly observer: Observer;
  readonly tail: Tail;
  /** Undefined: traces are off. */
  readonly exporter: Traces | undefined;
}

/** What the state of the gateway says to its parts. */
interface GatewayState {
  isReady(): boolean;
  /** Whether it has been ready once. */
  hasStarted(): boolean;
}

/** Makes the parts of one gateway and connects them; starts none. Rejects when its certificate cannot be read. */
export async function compose(config: GatewayConfig, log: GatewayLog, state: GatewayState): Promise<GatewayParts> {
  const startedAt = Date.now();
  const keys = keysOf(config.redis.keyPrefix);
  const redis = connectRedis(config.redis, log);
  const queueRedis = redis.blocking();
  const counters = new Counters();
  const registry = new Registry();
  const eventLoop = new EventLoop();
  const wheel = new Wheel((nowMs, periodMs) => eventLoop.tick(nowMs, periodMs));

  const clock = new StoreClock();
  const seenId = () => Math.max(inbox.latestId, routeQueue.latestId);
  const logFields = () => ({
    port: config.port,
    started_at: startedAt,
    connections: listener.size,
    sessions: registry.size,
    delivered: counters.delivered,
    pid: process.pid,
    net: network.kind,
  });
  const lease = new Lease({ redis, keys, leaseMs: config.leaseMs, clock, seenId, log, logFields });
  const claims = new ClaimsInFlight();
  const undertaker = new Undertaker({ redis, keys, lease, config, counters, log });
  const sweeper = new Sweeper({ redis, keys, config, lease, log });
  const releases = new ScheduledReleases({ redis, keys, config, lease, counters, log });

  const tail = new Tail({ redis, keys, gatewayId: () => lease.gatewayId });
  const exporter = await tracesOf(config.otlpEndpoint);
  const traces = exporter && new DeliveryTraces(exporter, counters, () => lease.gatewayId);

  const recentCalls = new RecentCalls({ redis, keys, lease });
  const progress = new DeliveryProgress({ redis, keys, recent: recentCalls, counters, log });
  const sessionStore = new SessionStore({ redis, keys, config, lease, recent: recentCalls, progress, log });
  const verifier = new Verifier({ redis, keys, config, lease, claims, recent: recentCalls, progress, log });

  const handOut = new InboxHandOut({ registry, store: sessionStore, progress, counters, traces, clock, log });
  const inbox = new InboxReader({
    connect: () => redis.blocking(),
    writer: redis,
    keys,
    lease,
    registry,
    claims,
    handOut,
    log,
  });
  const routeQueue = new RouteQueue({ redis, keys, config, lease, registry, counters, log });
  const queueDrain = new QueueDrain({ waiter: queueRedis, redis, keys, config, lease, counters, log });
  const upstream =
    config.upstream && (await Upstream.create({ settings: config.upstream, config, redis, keys, lease, log }));

  const { stalled, makeOwner } = composeSessions({
    config,
    registry,
    counters,
    wheel,
    lease,
    checkLease: () => lease.check(),
    flushNetwork: () => network.flush(),
    inbox,
    queue: routeQueue,
    verifier,
    sessionStore,
    progress,
    upstream,
    traces,
    tail,
    log,
  });
  const tlsMaterial = config.tls ? new TlsMaterial(config.tls, log) : undefined;
  const { network, description: networkDescription } = chooseNetwork(config.net, await tlsMaterial?.load());
  const listener = new Listener<Session>({ settings: config, network, counters, log, makeOwner });

  const connections = () => listener.size;
  const sessions = () => listener.owners;
  const observer = new Observer({
    config,
    counters,
    eventLoop,
    registry,
    stalled,
    verifier,
    lease,
    redis,
    keys,
    upstream,
    tail,
    log,
    connections,
    sessions,
    network: network.kind,
    inboxOpen: () => inbox.open,
    routesWaiting: () => routeQueue.length,
    routeBytes: () => routeQueue.bytes,
  });
  upstream?.register(observer.metrics);
  const fleet = () => observer.fleetConnections;
  const rebalance =
    config.shedAbove > 0 ? new Rebalance({ above: config.shedAbove, connections, fleet, sessions, log }) : undefined;
  const debug = config.debugEndpoints ? new DebugEndpoints(registry) : undefined;
  const health = new HealthServer({
    isReady: () => state.isReady() && lease.isHeld && !routeQueue.isStuck,
    hasStarted: state.hasStarted,
    metrics: observer.metrics,
    debug,
    log,
  });

  return {
    networkDescription,
    config,
    log,
    keys,
    redis,
    queueRedis,
    wheel,
    registry,
    listener,
    tlsMaterial,
    lease,
    claims,
    undertaker,
    sweeper,
    releases,
    rebalance,
    inbox,
    routeQueue,
    queueDrain,
    sessionStore,
    progress,
    recentCalls,
    upstream,
    health,
    observer,
    tail,
    exporter,
  };
}
