import { setTimeout } from 'node:timers/promises';
import { keysOf } from '../contract/store/keys.ts';
import { adoptUnread } from '../contract/store/scripts/unread.ts';
import type { GatewayConfig } from './config.ts';
import type { GatewayContext } from './context.ts';
import { FanOut } from './delivery/broadcast.ts';
import { InboxHandOut } from './delivery/dispatch.ts';
import { Flusher } from './delivery/flusher.ts';
import { InboxReader } from './delivery/inbox-reader.ts';
import { StalledBytes } from './delivery/stalled-bytes.ts';
import { Undertaker } from './fleet/burial.ts';
import { sendAway } from './fleet/drain.ts';
import { Lease, type LeaseListener } from './fleet/lease.ts';
import { confirmSessions } from './fleet/reconcile.ts';
import { resumeSessions } from './fleet/resume.ts';
import { StoreClock } from './fleet/store-clock.ts';
import { Sweeper } from './fleet/sweep.ts';
import { Listener } from './net/listener.ts';
import { TlsMaterial } from './net/tls-material.ts';
import { Counters } from './observe/counters.ts';
import { DebugEndpoints } from './observe/debug.ts';
import { DeliveryTraces } from './observe/delivery-traces.ts';
import { HealthServer } from './observe/health-server.ts';
import type { Log } from './observe/log.ts';
import { Observer, tracesOf } from './observe/observer.ts';
import { Tail } from './observe/tail.ts';
import { QueueDrain } from './routing/queue-drain.ts';
import { RouteQueue } from './routing/route-queue.ts';
import { Router } from './routing/router.ts';
import { Registry } from './session/registry.ts';
import { VerifyLimits } from './session/verify-limits.ts';
import { Wheel } from './session/wheel.ts';
import { ClaimsUnderWay } from './store/claims-in-flight.ts';
import { DeliveryMarks } from './store/delivery-marks.ts';
import { connectRedis } from './store/redis.ts';
import { SessionStore } from './store/session-store.ts';
import { Verifier } from './store/verifier.ts';
import { Upstream } from './upstream/upstream.ts';

export interface RunningGateway {
  readonly port: number;
  readonly healthPort: number;
  readonly id: string;
  /** Resolves when clients may come: Redis has answered, and the lease is held. */
  readonly ready: Promise<void>;
  /** Drains and stops, in order; the process can end after it. */
  stop(): Promise<void>;
}

/** How long Redis may take to answer at the stop, before the rest is left to whoever buries this gateway. */
const REDIS_AT_STOP_MS = 5_000;

/** Makes the parts of one gateway, connects them, and starts them. Rejects when a port is taken. */
export async function startGateway(config: GatewayConfig, log: Log): Promise<RunningGateway> {
  const keys = keysOf(config.redis.keyPrefix);
  const redis = connectRedis(config.redis, log);
  const queueRedis = redis.blocking();
  const counters = new Counters();
  const registry = new Registry();
  const wheel = new Wheel();
  const startedAt = Date.now();
  let isStopping = false;
  let isReady = false;
  let listener: Listener | undefined;

  const clock = new StoreClock();
  const seenId = () => Math.max(inbox.latestId, queue.latestId);
  const lease = new Lease({ redis, keys, leaseMs: config.leaseMs, clock, seenId, log, facts });
  const flusher = new Flusher((nowMs, slice) => {
    lease.check();
    return fanOut.flush(nowMs, slice);
  });
  const tail = new Tail({ redis, keys, gatewayId: () => lease.gatewayId });
  const fanOut = new FanOut({ registry, counters, schedule: () => flusher.wake(), tail });
  const claims = new ClaimsUnderWay();
  const sessionStore = new SessionStore({ redis, keys, config, lease, log });
  const marks = new DeliveryMarks({ redis, keys, log });
  const exporter = await tracesOf(config);
  const traces = exporter && new DeliveryTraces(exporter, counters, () => lease.gatewayId);
  const verifier = new Verifier({ redis, keys, config, lease, claims, log });
  const inbox = new InboxReader({
    connect: () => redis.blocking(),
    writer: redis,
    keys,
    lease,
    registry,
    claims,
    handOut: new InboxHandOut({ registry, store: sessionStore, marks, counters, traces, clock }),
    log,
  });
  const queue = new RouteQueue({ redis, keys, config, lease, counters, log });
  const router = new Router({ registry, lease, queue, inbox, fanOut });
  const undertaker = new Undertaker({ redis, keys, config, counters, log });
  const sweeper = new Sweeper({ redis, keys, config, lease, log });
  const drain = new QueueDrain({ waiter: queueRedis, redis, keys, config, counters, log });
  const upstream =
    config.upstream && (await Upstream.create({ settings: config.upstream, config, redis, keys, lease, log }));
  const context: GatewayContext = {
    config,
    log,
    counters,
    redis,
    keys,
    lease,
    registry,
    wheel,
    flusher,
    fanOut,
    router,
    verifier,
    verifyLimits: new VerifyLimits({ wheel, counters, config }),
    stalled: new StalledBytes(config.outboxTotalMaxBytes),
    sessionStore,
    claims,
    marks,
    upstream,
    traces,
    tail,
  };
  const material = config.tls ? new TlsMaterial(config.tls, log) : undefined;
  listener = new Listener(context, await material?.load());
  const clients = listener;
  const observer = new Observer(context, {
    connections: () => clients.size,
    sessions: () => clients.sessions,
    inboxOpen: () => inbox.open,
    routesWaiting: () => queue.length,
    routeBytes: () => queue.bytes,
  });
  const { metrics } = observer;
  upstream?.register(metrics);
  const debug = config.debugEndpoints ? new DebugEndpoints(registry) : undefined;
  const health = new HealthServer({
    isReady: () => isReady && !isStopping && lease.isHeld && !queue.isStuck,
    metrics,
    debug,
  });

  const onLease: LeaseListener = {
    onLost() {
      for (const session of registry.all()) session.suspend();
    },
    onJoined(previous) {
      inbox.start();
      void adopt();
      if (previous !== undefined) void resume(previous);
    },
    onDead(gatewayIds) {
      for (const id of gatewayIds) void undertaker.buryLater(id);
    },
    onClockSet() {
      for (const session of registry.all()) session.poke();
    },
  };

  // Ports first: that one is taken must be said at once, Redis or no Redis.
  const healthPort = await health.listen(config.healthHost, config.healthPort);
  const port = await listener.listen().catch((error: unknown) => {
    health.close();
    throw error;
  });
  redis.onReturn(
    () =>
      void confirmSessions(context).catch((error: unknown) =>
        log.error({ event: 'audit_failed', error: String(error) }, 'could not look after the sessions'),
      ),
  );
  wheel.start();
  material?.watch((tls) => clients.renewTls(tls));
  const starting = lease.start(onLease).then(() => {
    drain.start();
    upstream?.start();
    sweeper.start();
    observer.start();
    isReady = true;
    log.info({ event: 'ready', gateway: lease.gatewayId, port, health_port: healthPort }, 'ready for clients');
  });
  starting.catch((error: unknown) => log.error({ event: 'start_failed', error: String(error) }, 'could not join'));

  return {
    port,
    healthPort,
    ready: starting,
    get id() {
      return lease.gatewayId;
    },
    stop,
  };

  function facts(): Record<string, string | number> {
    return {
      port: config.port,
      started_at: startedAt,
      connections: listener?.size ?? 0,
      sessions: registry.size,
      delivered: counters.delivered,
      pid: process.pid,
    };
  }

  /** Records that an older version of the gateway did not know. */
  async function adopt(): Promise<void> {
    const adopted = await adoptUnread(redis, keys, lease.gatewayId).catch((error: unknown) =>
      log.error({ event: 'store_failed', what: 'unread', error: String(error) }, 'could not look for unread records'),
    );
    if (adopted) log.info({ event: 'unread_adopted', records: adopted }, 'took records that an older version had kept');
  }

  /**
   * The old id is buried before the sessions are claimed anew: what it left in its inbox is in the mailboxes then. It may
   * still have a while by Redis's clock, but it is ours, and nobody works under it any more.
   */
  async function resume(previous: string): Promise<void> {
    for (const session of registry.all()) session.suspend();
    await undertaker.bury(previous, { leaving: true });
    const resumed = await resumeSessions(context);
    log.info({ event: 'sessions_resumed', resumed }, 'resumed the sessions');
  }

  /**
   * The order of the stop: not ready → accept nobody → drain no queue → goodbyes, paced → flush → sessions released →
   * what devices sent is spooled → read no inbox → its rest re-routed, the lease dropped → Redis closed. The inbox is read while the goodbyes last:
   * those who are still here get their messages, and those who have come back elsewhere are handed theirs at once.
   */
  async function stop(): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    const until = performance.now() + config.drainTimeoutMs;
    log.info({ event: 'draining', connections: clients.size, sessions: registry.size }, 'draining');
    clients.stop();
    material?.stop();
    sweeper.stop();
    await within(REDIS_AT_STOP_MS, observer.drain());
    await within(REDIS_AT_STOP_MS, drain.stop());
    await sendAway([...clients.sessions], Math.max(0, until - performance.now()));
    await within(REDIS_AT_STOP_MS, queue.idle());
    await within(REDIS_AT_STOP_MS, Promise.all([sessionStore.idle(), marks.idle(), upstream?.idle()]));
    inbox.stop();
    await within(REDIS_AT_STOP_MS, Promise.all([inbox.idle(), upstream?.stop()]));
    lease.stop();
    if (lease.gatewayId !== '') await within(REDIS_AT_STOP_MS, undertaker.bury(lease.gatewayId, { leaving: true }));
    await lingering(clients, until);
    wheel.stop();
    observer.stop();
    context.tail.stop();
    health.close();
    await within(REDIS_AT_STOP_MS, Promise.resolve(exporter?.stop()));
    await Promise.all([redis.close(), inbox.close(), queueRedis.close(), upstream?.close()]);
    log.info({ event: 'stopped' }, 'stopped');
  }
}

/** Clients that were sent away get a moment to read it. */
async function lingering(clients: Listener, untilMs: number): Promise<void> {
  const end = Math.min(untilMs, performance.now() + 2_000);
  while (clients.size > 0 && performance.now() < end) await setTimeout(20);
  clients.destroyAll();
}

/** Waits for `work`, but not for ever: Redis may be away. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const giveUp = new AbortController();
  await Promise.race([work, setTimeout(ms, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
  giveUp.abort();
}
