import { routeCommandOf } from '../../contract/store/route-command.ts';
import {
  type RouteAnswer,
  type RouteCommand,
  type RouteRefusal,
  type RouteResult,
  routeCommands,
} from '../../contract/store/scripts/route.ts';
import type { SendCommand } from '../../contract/wire/commands.ts';
import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import { SpanName } from '../../shared/trace.ts';
import { nameOfStep } from '../http/idempotency-key.ts';
import { HttpRefusal } from '../http/refusal.ts';
import type { RequestTrace } from '../http/request-traces.ts';
import type { PresentedToken } from '../runtime/authorize.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Idempotency } from './idempotency.ts';
import { createWithdrawal } from './withdrawal.ts';

export interface Sending {
  readonly from: string;
  /** The only allowed recipients; undefined: anyone. */
  readonly recipients: ReadonlySet<string> | undefined;
  /** Left out: the sender is authorized. */
  readonly operator?: UncheckedOperator | undefined;
  readonly traceparent: string;
  readonly trace: RequestTrace | undefined;
  readonly idempotency: Idempotency;
}

/** The sender is authorized by the call that sends: it does nothing unless this is the token of an operator. */
export class UncheckedOperator {
  readonly presented: PresentedToken;
  isGenuine = false;

  constructor(presented: PresentedToken) {
    this.presented = presented;
  }
}

/** Nothing was sent: the token is not that of an operator, or is not stored as a login stores it. */
export class UnauthorizedSendError extends Error {}

export interface Sent {
  readonly id: string;
  readonly recipients: Counts | { readonly members: number };
}

interface Counts {
  readonly online: number;
  readonly stored: number;
  readonly unknown: number;
  /** For a scheduled command. */
  readonly scheduled?: number;
}

/** The result of one command: sent, or refused by its own conditions. */
export type Routed = { readonly sent: Sent; readonly isRepeated: boolean } | { readonly refusal: RouteRefusal };

/** Which step of a request this is, and how many it has. */
export interface Step {
  readonly at: number;
  readonly of: number;
}

/** Routes commands in one atomic step. Returns the result of each, in order. */
export type Send = (commands: readonly SendCommand[], sending: Sending, step: Step) => Promise<Routed[]>;

/** `instance` is notified of the steps that commands wait for. */
export function createSender(runtime: Runtime, instance: string): Send {
  const { environment, redis, keys, clock } = runtime;
  const withdraw = createWithdrawal(runtime);
  const store = {
    offlineTtlSeconds: environment.OFFLINE_TTL_S,
    mailboxMax: environment.MAILBOX_MAX,
    mailboxMaxBytes: environment.MAILBOX_MAX_BYTES,
    auditMax: environment.AUDIT_MAX,
  };

  async function route(commands: readonly RouteCommand[], sending: Sending, step: Step): Promise<RouteResult> {
    const { operator } = sending;
    const { userId, name, digest, ttlSeconds, isOwn } = sending.idempotency;
    const key = keys.idempotency(userId, nameOfStep(name, step.at)).slice(keys.prefix.length);
    const [deadlineMs, highestId] = [await clock.deadline(), await clock.highestId()];
    const startedAtMs = Date.now();
    try {
      const result = await routeCommands(redis, keys, commands, {
        ...store,
        deadlineMs,
        highestId,
        idempotency: { key, digest, ttlSeconds, calls: step.of },
        ...(operator === undefined || operator.isGenuine ? {} : { operator: operator.presented }),
      });
      if (result.status === 'unauthorized') throw new UnauthorizedSendError();
      if (operator !== undefined) operator.isGenuine = true;
      clock.learn(result.redisNowMs, startedAtMs);
      return result;
    } catch (error) {
      // A caller with a key repeats the request, and gets the first result. A request that Redis refused was not carried out.
      if (isOwn && error instanceof RedisUnavailableError && !error.isRefusal) await withdraw(commands, key);
      throw error;
    }
  }

  return async (commands, sending, step) => {
    const routed = commands.map((command) => routeCommandOf(command, { ...sending, instance }));
    const attempt = () => route(routed, sending, step);
    const traced = () => sending.trace?.step(SpanName.route, attempt) ?? attempt();
    let result = await traced();
    // Past the deadline by Redis's clock, although the reply came in time: the clock was set. The new offset is known now.
    if (result.status === 'late') result = await traced();
    if (result.status === 'late') throw new RedisUnavailableError('the deadline was over before the script ran');
    // Also when another version has split the request into other steps: this record is of other commands.
    const isOfOthers = result.status === 'replay' && result.answers.length !== commands.length;
    if (result.status === 'conflict' || isOfOthers) throw new HttpRefusal(409, 'idempotency_conflict');
    return result.answers.map((answer) => routedOf(answer, result.status === 'replay'));
  };
}

function routedOf(
  { id, online, stored, unknown, scheduled, members, refusal }: RouteAnswer,
  isRepeated: boolean,
): Routed {
  if (refusal !== undefined) return { refusal };
  if (members !== undefined) return { sent: { id, recipients: { members } }, isRepeated };
  const later = scheduled > 0 ? { scheduled } : {};
  return { sent: { id, recipients: { online, stored, unknown, ...later } }, isRepeated };
}
