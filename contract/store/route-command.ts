import { QUEUE_VERSION } from '../wire/command-ids.ts';
import { bodyOf, isGroup, type SendCommand } from '../wire/commands.ts';
import type { RouteCommand } from './scripts/route.ts';

/** The arguments of the route script for one command of POST /send-command. `instance` is notified of the step that it waits for. */
export function routeCommandOf(
  command: SendCommand,
  { from, traceparent, instance = '' }: { from: string; traceparent: string; instance?: string },
): RouteCommand {
  const { command_id, chat_to, ttl_s = 0, receipt = false, wait, if_away, not_before, replaces } = command;
  return {
    commandId: command_id,
    version: QUEUE_VERSION,
    body: bodyOf(command, from),
    ...targetOf(chat_to),
    from,
    ttlSeconds: ttl_s,
    receipt: receipt || wait !== undefined || replaces !== undefined,
    traceparent,
    ...(wait === undefined ? {} : { wait: { step: wait, instance } }),
    failIfAway: if_away === 'fail',
    ...(not_before === undefined ? {} : { notBeforeMs: not_before * 1_000 }),
    ...(replaces === undefined ? {} : { replaces }),
    cancellable: true,
  };
}

/** Whom a command goes to. */
export function targetOf(chat_to: SendCommand['chat_to']): Pick<RouteCommand, 'to' | 'group'> {
  if (chat_to === undefined) return { to: 'everyone' };
  if (isGroup(chat_to)) return { to: [], group: chat_to.group };
  return { to: typeof chat_to === 'string' ? [chat_to] : chat_to };
}
