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
import { Refusal } from '../http/refusal.ts';
import type { RequestTrace } from '../http/request-traces.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Idempotency } from './idempotency.ts';
import { createWithdrawal } from './withdrawal.ts';

export interface Sending {
  readonly from: string;
  /** The only users whom it may be sent to; undefined: anyone. */
  readonly recipients: ReadonlySet<string> | undefined;
  readonly traceparent: string;
  readonly trace: RequestTrace | undefined;
  readonly idempotency: Idempotency;
}

export interface Sent {
  readonly id: string;
  readonly recipients: Counts | { readonly members: number };
}

interface Counts {
  readonly online: number;
  readonly stored: number;
  readonly unknown: number;
  /** Of a command with a time. */
  readonly scheduled?: number;
}

/** What became of one command: sent, or refused by its own conditions. */
export type Routed = { readonly sent: Sent; readonly isRepeated: boolean } | { readonly refusal: RouteRefusal };

/** Routes commands in one atomic step. Returns what became of each, in order. `part` tells several steps of one request apart. */
export type Send = (commands: readonly SendCommand[], sending: Sending, part: number) => Promise<Routed[]>;

/** `instance` is the one that is told of the steps that commands wait for. */
export function createSender(runtime: Runtime, instance: string): Send {
  const { environment, redis, keys, clock } = runtime;
  const withdraw = createWithdrawal(runtime);
  const store = {
    offlineTtlSeconds: environment.OFFLINE_TTL_S,
    mailboxMax: environment.MAILBOX_MAX,
    mailboxMaxBytes: environment.MAILBOX_MAX_BYTES,
    auditMax: environment.AUDIT_MAX,
  };

  async function route(commands: readonly RouteCommand[], sending: Sending, part: number): Promise<RouteResult> {
    const { userId, name, digest, ttlSeconds, isOwn } = sending.idempotency;
    const key = keys.idempotency(userId, part === 0 ? name : `${name}\n${part}`).slice(keys.prefix.length);
    const deadlineMs = await clock.deadline();
    const startedAtMs = Date.now();
    try {
      const result = await routeCommands(redis, keys, commands, {
        ...store,
        deadlineMs,
        idempotency: { key, digest, ttlSeconds },
      });
      clock.learn(result.redisNowMs, startedAtMs);
      return result;
    } catch (error) {
      // A caller who has a key asks again, and is answered with what was done. What Redis refused was not done.
      if (isOwn && error instanceof RedisUnavailableError && !error.isRefusal) await withdraw(commands, key);
      throw error;
    }
  }

  return async (commands, sending, part) => {
    const routed = commands.map((command) => routeCommandOf(command, { ...sending, instance }));
    const attempt = () => route(routed, sending, part);
    const traced = () => sending.trace?.step(SpanName.route, attempt) ?? attempt();
    let result = await traced();
    // Too late by Redis's clock, yet answered in time: the clock was set. It is known now.
    if (result.status === 'late') result = await traced();
    if (result.status === 'late') throw new RedisUnavailableError('the deadline was over before the script ran');
    if (result.status === 'conflict') throw new Refusal(409, 'idempotency_conflict');
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
