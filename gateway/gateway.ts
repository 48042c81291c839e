import { compose, type GatewayParts } from './compose.ts';
import type { GatewayConfig } from './config.ts';
import { adoptRecords } from './fleet/adopt.ts';
import type { LeaseListener } from './fleet/lease.ts';
import { reconcileSessions } from './fleet/reconcile.ts';
import { resumeUnderNewId } from './fleet/resume.ts';
import type { GatewayLog } from './observe/log.ts';
import { shutDown } from './shutdown.ts';

export interface RunningGateway {
  readonly port: number;
  readonly healthPort: number;
  /** Which implementation of gateway/net is in use, and why. */
  readonly network: string;
  readonly id: string;
  /** Resolves when clients may come: Redis has replied, and the lease is held. */
  readonly ready: Promise<void>;
  /** Drains and stops, in order; the process can end after it. */
  stop(): Promise<void>;
}

/** Starts one gateway. Rejects when a port is taken, or its certificate cannot be read. */
export async function startGateway(config: GatewayConfig, log: GatewayLog): Promise<RunningGateway> {
  return Gateway.start(config, log);
}

/**
 * One gateway, in one of these states:
 *
 *   joining    The ports are bound; clients wait until Redis has replied and the lease is held.
 *   ready      Clients come and go. A lost lease does not change the state: the gateway joins again by itself.
 *   stopping   Clients are sent away, in the order of shutdown.ts.
 */
class Gateway implements RunningGateway {
  readonly port: number;
  readonly healthPort: number;
  readonly network: string;
  readonly ready: Promise<void>;
  readonly #parts: GatewayParts;
  #state: 'joining' | 'ready' | 'stopping' = 'joining';

  static async start(config: GatewayConfig, log: GatewayLog): Promise<Gateway> {
    let gateway: Gateway | undefined;
    const parts = await compose(config, log, {
      isReady: () => gateway !== undefined && gateway.#state === 'ready',
      hasStarted: () => gateway !== undefined && gateway.#state !== 'joining',
    });
    // Bind the ports first, so that EADDRINUSE fails fast even without Redis.
    const healthPort = await parts.health.listen(config.healthHost, config.healthPort);
    const port = await parts.listener.listen().catch((error: unknown) => {
      parts.health.close();
      throw error;
    });
    gateway = new Gateway(parts, port, healthPort);
    return gateway;
  }

  private constructor(parts: GatewayParts, port: number, healthPort: number) {
    const { log, redis, listener, tlsMaterial, wheel } = parts;
    this.#parts = parts;
    this.port = port;
    this.healthPort = healthPort;
    this.network = parts.networkDescription;
    redis.onReturn(
      () =>
        void reconcileSessions(parts).catch((error: unknown) =>
          // The event's name is public; it is about reconciling sessions.
          log.error({ event: 'audit_failed', error: String(error) }, 'could not reconcile the sessions'),
        ),
    );
    wheel.start();
    tlsMaterial?.watch((tls) => listener.renewTls(tls));
    this.ready = this.#join();
    this.ready.catch((error: unknown) => log.error({ event: 'start_failed', error: String(error) }, 'could not join'));
  }

  get id(): string {
    return this.#parts.lease.gatewayId;
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopping') return;
    this.#state = 'stopping';
    await shutDown(this.#parts);
  }

  async #join(): Promise<void> {
    const { lease, queueDrain, upstream, sweeper, releases, observer, rebalance, log } = this.#parts;
    await lease.start(this.#leaseListener()).catch((error: unknown) => {
      // The stop closes the connection on which it waits for Redis.
      if (this.#state !== 'stopping') throw error;
    });
    // Stopped meanwhile.
    if (this.#state !== 'joining') return;
    this.#state = 'ready';
    queueDrain.start();
    upstream?.start();
    sweeper.start();
    releases.start();
    observer.start();
    rebalance?.start();
    log.info({ event: 'ready', gateway: this.id, port: this.port, health_port: this.healthPort }, 'ready for clients');
  }

  #leaseListener(): LeaseListener {
    const { registry, inbox, undertaker, log } = this.#parts;
    return {
      onLost() {
        for (const session of registry.all()) session.suspend();
      },
      onJoined: (previous) => {
        inbox.start();
        void adoptRecords(this.#parts);
        if (previous === undefined) return;
        resumeUnderNewId(previous, this.#parts).catch((error: unknown) =>
          log.error({ event: 'resume_failed', error: String(error) }, 'could not resume the sessions'),
        );
      },
      onDead(gatewayIds) {
        for (const id of gatewayIds) void undertaker.buryLater(id);
      },
    };
  }
}
