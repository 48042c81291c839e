import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import {
  type RouteAnswer,
  type RouteCommand,
  type RouteResult,
  recipientsOf,
  routeCommands,
  routeWork,
} from '../../contract/store/scripts/route.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import type { Log } from '../../shared/log.ts';
import { RedisClosedError, RedisUnavailableError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { TurnBatcher } from '../../shared/time/turn-batcher.ts';
import { DirectInterval } from '../session/direct-interval.ts';
import { PauseReason } from '../session/frame-reader.ts';
import { sendAccepted } from '../session/notices.ts';
import type { Registry } from '../session/registry.ts';
import type { SenderOrder } from '../session/sender-order.ts';
import type { Session } from '../session/session.ts';
import { SenderTurns } from './sender-turns.ts';

/** A sender with more commands or bytes in flight than this is not read until half of them are routed. */
const SENDER_MAX = 512;
const SENDER_MAX_BYTES = 1_048_576;
/** Commands of all senders; one that finds the queue full is not read. The bound of bytes is ROUTE_QUEUE_MAX_BYTES. */
const QUEUE_MAX = 8_192;
/** Recipients and what belongs to a command beside its body take memory, too. */
const COMMAND_BYTES = 256;
const RECIPIENT_BYTES = 32;
const RETRY_MS = 200;
const STUCK_MS = 10_000;
/** How long Redis remembers a batch, so that one whose reply was lost is not routed twice, s. */
const BATCH_MEMORY_SECONDS = 3_600;

interface RouteQueueParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
    readonly routeQueueMaxBytes: number;
  };
  readonly lease: { readonly gatewayId: string; readonly highestId: number };
  readonly registry: Pick<Registry, 'get'>;
  readonly counters: { routed: number; routeFailures: number; routesRefused: number };
  readonly log: Pick<Log, 'error'>;
}

interface Waiting {
  sender: Session;
  command: RouteCommand;
  ref: string | number | undefined;
  work: number;
  bytes: number;
}

/**
 * Commands of this gateway's clients on their way into the route script: those of one turn go together, one batch at a
 * time, so that those of one sender are routed in the order in which they came. While Redis is away they wait, and their
 * senders too.
 *
 * A batch that the script refuses is halved until the command at fault is alone: that one is refused, the rest goes on.
 */
export class RouteQueue {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #config: RouteQueueParts['config'];
  readonly #lease: RouteQueueParts['lease'];
  readonly #registry: RouteQueueParts['registry'];
  readonly #counters: RouteQueueParts['counters'];
  readonly #log: RouteQueueParts['log'];
  #latestId = 0;
  /** Since when no call has succeeded, ms of the process's clock; 0: the last one did, or failed long ago. */
  #failingSinceMs = 0;
  #failedAtMs = 0;
  readonly #waiting: TurnBatcher<Waiting>;
  #waitingBytes = 0;
  #batches = 0;
  #directInterval = new DirectInterval();
  /** Those that ended and have no ids yet. */
  #endedIntervals: DirectInterval[] = [];

  constructor(parts: RouteQueueParts) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#registry = parts.registry;
    this.#counters = parts.counters;
    this.#log = parts.log;
    this.#waiting = new TurnBatcher({ items: new SenderTurns(), run: (batch) => this.#run(batch) });
  }

  /** The highest message id in a reply so far. */
  get latestId(): number {
    return this.#latestId;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Whether nothing has been routed for STUCK_MS: clients are better served elsewhere. Commands that were refused are no longer
   * tried: when nothing waits and no call has failed lately, there is nothing to be stuck with.
   */
  get isStuck(): boolean {
    if (this.#failingSinceMs === 0) return false;
    const nowMs = performance.now();
    const goesOn = this.#waitingBytes > 0 || nowMs - this.#failedAtMs <= STUCK_MS;
    return goesOn && nowMs - this.#failingSinceMs > STUCK_MS;
  }

  /** Bytes of what waits or is with Redis. */
  get bytes(): number {
    return this.#waitingBytes;
  }

  add(
    sender: Session,
    command: Pick<RouteCommand, 'commandId' | 'body' | 'to'>,
    chat: { version: number; ref: string | number | undefined },
  ): void {
    const { version, ref } = chat;
    const rest = { version, from: sender.userId, ttlSeconds: 0, receipt: false, traceparent: '' };
    const bytes = COMMAND_BYTES + command.body.length + recipientsOf(command.to).length * RECIPIENT_BYTES;
    const work = routeWork(command);
    this.#waiting.add({ sender, ref, command: { ...command, ...rest }, work, bytes });
    this.#waitingBytes += bytes;
    const { order, reader } = sender;
    order.begin(command.to, bytes);
    if (isOver(order, 1) || this.#isFull()) reader.pause(PauseReason.routing);
    reader.payForWork(work);
  }

  /** Resolves when every command so far is routed. */
  idle(): Promise<void> {
    return this.#waiting.idle();
  }

  /** For the direct messages that are accepted now. */
  get directInterval(): DirectInterval {
    return this.#directInterval;
  }

  #run(batch: readonly Waiting[]): Promise<void> {
    this.#forgetOldFailure();
    if (this.#directInterval.size > 0) {
      this.#endedIntervals.push(this.#directInterval);
      this.#directInterval = new DirectInterval();
    }
    const ended = this.#endedIntervals;
    const routed = this.#routeOrSplit(batch);
    for (const interval of ended) interval.beginReserving(routed);
    return routed;
  }

  /** A failure after which nothing was tried for STUCK_MS is over: the next one begins anew. */
  #forgetOldFailure(): void {
    if (this.#failingSinceMs > 0 && performance.now() - this.#failedAtMs > STUCK_MS) this.#failingSinceMs = 0;
  }

  #isFull(): boolean {
    return this.#waiting.length > QUEUE_MAX || this.#waitingBytes > this.#config.routeQueueMaxBytes;
  }

  async #routeOrSplit(batch: readonly Waiting[]): Promise<void> {
    let result: RouteResult;
    try {
      result = await this.#route(batch.map(({ command }) => command));
    } catch (error) {
      if (error instanceof RedisClosedError) return;
      const [first] = batch;
      if (batch.length === 1 && first) return this.#refuse(first, error);
      const half = Math.ceil(batch.length / 2);
      await this.#routeOrSplit(batch.slice(0, half));
      return this.#routeOrSplit(batch.slice(half));
    }
    this.#giveIds(result.answers[0]);
    this.#answer(batch, result);
  }

  /** The ids below that of the first command are reserved for the intervals that have ended. */
  #giveIds(first: RouteAnswer | undefined): void {
    let idBehind = Number(first?.id);
    for (const interval of this.#endedIntervals.reverse()) {
      interval.reserved(idBehind);
      idBehind -= this.#idsFor(interval);
    }
    this.#endedIntervals = [];
  }

  get #reservedIds(): number {
    return this.#endedIntervals.reduce((sum, interval) => sum + this.#idsFor(interval), 0);
  }

  /** As many as a mailbox can take: ids must not run ahead of the clock after an hour of direct messages alone. */
  #idsFor({ size }: DirectInterval): number {
    return Math.min(size, this.#config.mailboxMax);
  }

  /** Again and again while the store is at fault: the key of the batch makes that safe. Throws when the batch is. */
  async #route(commands: readonly RouteCommand[]): Promise<RouteResult> {
    this.#batches += 1;
    const idempotency = {
      key: this.#keys.batch(this.#lease.gatewayId).slice(this.#keys.prefix.length),
      digest: String(this.#batches),
      ttlSeconds: BATCH_MEMORY_SECONDS,
    };
    for (;;) {
      try {
        const result = await routeCommands(this.#redis, this.#keys, commands, {
          ...this.#config,
          gatewayId: this.#lease.gatewayId,
          reservedIds: this.#reservedIds,
          highestId: this.#lease.highestId,
          idempotency,
        });
        if (result.status === 'late') throw new Error('a later batch of this gateway is routed already');
        this.#failingSinceMs = 0;
        return result;
      } catch (error) {
        this.#counters.routeFailures += 1;
        this.#failedAtMs = performance.now();
        if (this.#failingSinceMs === 0) this.#failingSinceMs = this.#failedAtMs;
        this.#log.error(
          { event: 'route_failed', commands: commands.length, error: String(error) },
          'could not route a batch',
        );
        if (!(error instanceof RedisUnavailableError)) throw error;
        await setTimeout(RETRY_MS);
      }
    }
  }

  /** The script does not take this command: its sender gets an error, or, where it understands none, the command becomes a dead letter. */
  async #refuse(waiting: Waiting, cause: unknown): Promise<void> {
    const { sender, command, ref } = waiting;
    this.#counters.routesRefused += 1;
    this.#done(waiting);
    if (!sender.isClosed && sender.has('errors')) sender.reject('not_routed', command.version, ref);
    else await this.#deadLetter(command, cause);
  }

  async #deadLetter({ commandId, from, to, body }: RouteCommand, cause: unknown): Promise<void> {
    const chat_to = Array.isArray(to) ? to : undefined;
    const entry = JSON.stringify({ ...JSON.parse(body), command_id: commandId, chat_from: from, chat_to });
    const letter = { entry, reason: `not routed: ${String(cause)}`, at: Date.now() };
    await this.#redis
      .command('LPUSH', this.#keys.queueDead, JSON.stringify(letter))
      .catch((error: unknown) =>
        this.#log.error({ event: 'store_failed', what: 'dead letter', error: String(error) }, 'a message was lost'),
      );
  }

  #answer(batch: readonly Waiting[], result: RouteResult): void {
    this.#counters.routed += batch.length;
    this.#latestId = Math.max(this.#latestId, Number(result.answers.at(-1)?.id ?? 0));
    batch.forEach((waiting, i) => {
      const { sender, command, ref } = waiting;
      const answer = result.answers[i];
      if (answer !== undefined && answer.stored > 0 && answer.online === 0) this.#noticeStored(command.to);
      if (!sender.isClosed) this.#report(sender, command, ref, answer);
      this.#done(waiting, result.ownEntry);
    });
  }

  /**
   * To Redis a session that is here may look gone: its clock was set, or it has forgotten something. What it stored meanwhile
   * comes ahead of what is sent directly now. Only where it took nobody for connected: reading a mailbox sends again what a
   * client has not acknowledged yet.
   */
  #noticeStored(to: RouteCommand['to']): void {
    for (const userId of recipientsOf(to)) this.#registry.get(userId)?.notifyMailbox();
  }

  #done({ sender: { order, reader }, command, bytes }: Waiting, ownEntry?: string): void {
    this.#waitingBytes -= bytes;
    order.end(command.to, bytes, ownEntry);
    if (!isOver(order, 0.5)) reader.resume(PauseReason.routing);
  }

  #report(
    sender: Session,
    command: RouteCommand,
    ref: string | number | undefined,
    answer: RouteAnswer | undefined,
  ): void {
    const isUnknown = command.commandId === ServerCommand.single && answer?.unknown === 1;
    if (isUnknown) return sender.reject('unknown_recipient', command.version, ref);
    if (answer !== undefined) sendAccepted(sender, command.version, ref, answer.id);
  }
}

/** Whether a sender has more than this share of its bounds in flight. */
function isOver(order: SenderOrder, share: number): boolean {
  return order.inFlight > SENDER_MAX * share || order.bytesInFlight > SENDER_MAX_BYTES * share;
}
