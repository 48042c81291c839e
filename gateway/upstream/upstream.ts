import type { Registry } from 'prom-client';
import type { Keys } from '../../contract/store/keys.ts';
import { UPSTREAM_LANES } from '../../contract/store/scripts/upstream.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { Session } from '../session/session.ts';
import { BatchSender } from './batch-sender.ts';
import { registerUpstreamMetrics, UpstreamCounters } from './counters.ts';
import { Invoker } from './invoker.ts';
import { type ApplicationFrame, itemText, newTraceparent } from './items.ts';
import { LaneReader } from './lane-reader.ts';
import { Lanes } from './lanes.ts';
import { Pushes } from './pushes.ts';
import { Requests } from './requests.ts';
import { Mode, modeOf, type UpstreamSettings } from './settings.ts';
import { Spooler } from './spooler.ts';

interface UpstreamParts {
  settings: UpstreamSettings;
  config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
    readonly maxRecipients: number;
    readonly maxFrameBytes: number;
  };
  redis: RedisPort & { blocking(): RedisPort };
  keys: Keys;
  lease: { readonly gatewayId: string; readonly isHeld: boolean; readonly highestId: number };
  log: Log;
}

/**
 * Devices talk to the cloud: their frames (1000–1999) and the events of their sessions reach a Lambda function.
 *
 *   event    frame → Spooler → lanes in Redis → LaneReader → BatchSender → function
 *   request  frame → Requests → function → Pushes, reply
 */
export class Upstream {
  readonly #settings: UpstreamSettings;
  readonly counters = new UpstreamCounters();
  readonly #invoker: Invoker;
  readonly #laneRedis: RedisPort;
  readonly #spooler: Spooler;
  readonly #lanes: Lanes;
  readonly #reader: LaneReader;
  readonly #sender: BatchSender;
  readonly #pushes: Pushes;
  readonly #requests: Requests;

  static async create(parts: UpstreamParts): Promise<Upstream> {
    const { region, maxAttempts, maxInFlight } = parts.settings;
    const invoker = await Invoker.create({ region, maxAttempts, maxSockets: maxInFlight + UPSTREAM_LANES + 1 });
    return new Upstream(parts, invoker);
  }

  private constructor({ settings, config, redis, keys, lease, log }: UpstreamParts, invoker: Invoker) {
    const counters = this.counters;
    const { functionName, lifecycleFunction, spool: bounds } = settings;
    this.#settings = settings;
    this.#invoker = invoker;
    this.#laneRedis = redis.blocking();
    this.#spooler = new Spooler({ redis, keys, lease, bounds, counters, log });
    this.#lanes = new Lanes({
      redis,
      keys,
      lease,
      log,
      wants: { items: functionName !== undefined, lifecycle: lifecycleFunction !== undefined },
      onChange: () => {
        this.#reader.wake();
        this.#sender.sendDue();
      },
    });
    const lanes = this.#lanes;
    this.#reader = new LaneReader({
      redis: this.#laneRedis,
      lanes,
      counters,
      log,
      onItems: () => this.#sender.sendDue(),
    });
    this.#sender = new BatchSender({
      redis,
      keys,
      lease,
      lanes,
      invoker,
      settings,
      counters,
      log,
      onRoom: () => this.#reader.wake(),
    });
    this.#pushes = new Pushes({ redis, keys, lease, config, from: settings.from, counters });
    const limits = { ...settings, functionName: functionName ?? '', maxFrameBytes: config.maxFrameBytes };
    this.#requests = new Requests({ invoker, pushes: this.#pushes, limits, counters, log });
  }

  /** Whether no function takes this command. */
  isRefused(commandId: number): boolean {
    return modeOf(this.#settings, commandId) === Mode.refused;
  }

  /** An application command that is not refused. */
  take(session: Session, frame: ApplicationFrame): void {
    if (modeOf(this.#settings, frame.commandId) === Mode.request) return this.#requests.add(session, frame);
    const text = itemText(session, session.uplink.nextSequence(session.epoch), frame, newTraceparent());
    this.#spooler.add(session, frame, text);
  }

  /** To be called when the lease is held. */
  start(): void {
    this.#lanes.start();
    this.#reader.start();
  }

  /** Resolves when all frames of devices are in Redis or have a reply: to be awaited before the lease is given up. */
  async idle(): Promise<void> {
    await Promise.all([this.#spooler.idle(), this.#requests.idle(), this.#pushes.idle()]);
  }

  /** Begins no invocation any more, and waits for those in flight; the rest is left to other gateways. */
  async stop(): Promise<void> {
    this.#reader.stop();
    this.#lanes.stop();
    await this.#sender.stop();
  }

  async close(): Promise<void> {
    this.#invoker.stop();
    await this.#laneRedis.close();
  }

  register(registry: Registry): void {
    registerUpstreamMetrics(registry, this.counters, () => ({
      spooling: this.#spooler.length,
      requests: this.#requests.open,
      lanes: this.#lanes.size,
      batches: this.#sender.inFlight,
    }));
  }
}
