import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import {
  type RouteAnswer,
  type RouteCommand,
  type RouteResult,
  routeCommands,
} from '../../contract/store/scripts/route.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import type { GatewayConfig } from '../config.ts';
import { Notice } from '../delivery/messages.ts';
import type { Lease } from '../fleet/lease.ts';
import type { Counters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import { Gate } from '../session/frame-reader.ts';
import type { Session } from '../session/session.ts';
import type { GatewayRedis } from '../store/redis.ts';

/** Commands in one call of the script: it holds Redis up for a few milliseconds at the most. */
const BATCH = 256;
const BATCH_BYTES = 1_048_576;
/** A sender with more than so many on their way is not read until they are fewer. */
const SENDER_MAX = 512;
/** As many wait here at the most, whoever sent them; a sender that finds it full is not read. */
const QUEUE_MAX = 8_192;
const RETRY_MS = 200;
/** How long Redis remembers a batch, so that one whose answer was lost is not routed twice, s. */
const BATCH_MEMORY_SECONDS = 3_600;

interface Waiting {
  sender: Session;
  command: RouteCommand;
  ref: string | number | undefined;
}

/**
 * Commands of this gateway's clients on their way into the route script: those of one turn go together, one batch at a
 * time, so that they are routed in the order in which they came. While Redis is away they wait, and their senders too.
 */
export class RouteQueue {
  readonly #redis: GatewayRedis;
  readonly #keys: Keys;
  readonly #config: GatewayConfig;
  readonly #lease: Lease;
  readonly #counters: Counters;
  readonly #log: Log;
  /** The highest id in an answer so far. */
  latestId = 0;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #batches = 0;
  #idle: (() => void)[] = [];

  constructor(parts: {
    redis: GatewayRedis;
    keys: Keys;
    config: GatewayConfig;
    lease: Lease;
    counters: Counters;
    log: Log;
  }) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#counters = parts.counters;
    this.#log = parts.log;
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(
    sender: Session,
    command: Pick<RouteCommand, 'commandId' | 'body' | 'to'>,
    chat: { version: number; ref: string | number | undefined },
  ): void {
    const { version, ref } = chat;
    const rest = { version, from: sender.userId, ttlSeconds: 0, receipt: false, traceparent: '' };
    this.#waiting.push({ sender, ref, command: { ...command, ...rest } });
    sender.routesInFlight += 1;
    if (command.to !== 'everyone elsewhere') sender.routesReturning += 1;
    if (sender.routesInFlight > SENDER_MAX || this.#waiting.length > QUEUE_MAX) sender.intake.hold(Gate.routing);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    if (this.#isRunning) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      this.#answer(batch, await this.#route(batch.map(({ command }) => command)));
    }
    this.#isRunning = false;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let end = 0;
    while (end < this.#waiting.length && end < BATCH && bytes < BATCH_BYTES) {
      bytes += this.#waiting[end]?.command.body.length ?? 0;
      end += 1;
    }
    return this.#waiting.splice(0, end);
  }

  /** Again and again until Redis has answered: the key of the batch makes that safe. */
  async #route(commands: readonly RouteCommand[]): Promise<RouteResult> {
    this.#batches += 1;
    const idempotency = {
      key: `batch:${this.#lease.gatewayId}`,
      digest: String(this.#batches),
      ttlSeconds: BATCH_MEMORY_SECONDS,
    };
    for (;;) {
      try {
        return await routeCommands(this.#redis, this.#keys, commands, {
          ...this.#config,
          gatewayId: this.#lease.gatewayId,
          idempotency,
        });
      } catch (error) {
        this.#log.error({ event: 'route_failed', error: String(error) }, 'could not route');
        await setTimeout(RETRY_MS);
      }
    }
  }

  #answer(batch: readonly Waiting[], result: RouteResult): void {
    this.#counters.routed += batch.length;
    this.latestId = Math.max(this.latestId, Number(result.answers.at(-1)?.id ?? 0));
    batch.forEach(({ sender, command, ref }, i) => {
      sender.routesInFlight -= 1;
      if (command.to !== 'everyone elsewhere') sender.routesReturning -= 1;
      if (result.ownEntry !== undefined) sender.awaitedEntry = result.ownEntry;
      if (sender.state !== 'closed') this.#tell(sender, command, ref, result.answers[i]);
      if (sender.routesInFlight <= SENDER_MAX / 2) sender.intake.release(Gate.routing);
    });
  }

  #tell(
    sender: Session,
    command: RouteCommand,
    ref: string | number | undefined,
    answer: RouteAnswer | undefined,
  ): void {
    const isUnknown = command.commandId === ServerCommand.single && answer?.unknown === 1;
    if (isUnknown) return sender.refuseKindly('unknown_recipient', command.version, ref);
    if (ref === undefined || answer === undefined || !sender.has('receipts')) return;
    sender.send(new Notice(command.version, ServerCommand.accepted, JSON.stringify({ ref, id: answer.id })));
  }
}
