import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import { APPLICATION_DOWN } from '../../wire/command-ids.ts';
import type { DirectBroadcast } from '../direct-broadcasts.ts';
import type { Keys } from '../keys.ts';
import { tupleOf, wordOf } from '../redis-reply.ts';
import { STEP_WORK, workOf } from '../work.ts';
import { GROUP_LUA } from './groups.ts';
import { AUDIT_LUA, defineScript, pushList, readLua, TOKENS_LUA } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';

export const ROUTE_LUA = readLua(new URL('./route-library.lua', import.meta.url));

/** Groups, and commands that are delivered later than they were accepted. Needs ROUTE_LUA before it. */
export const LATER_LUA = [
  GROUP_LUA,
  readLua(new URL('./schedule-library.lua', import.meta.url)),
  readLua(new URL('./release-library.lua', import.meta.url)),
];

export const routeScript = defineScript(
  'route',
  ROUTE_LUA,
  ...LATER_LUA,
  AUDIT_LUA,
  TOKENS_LUA,
  readLua(new URL('./route.lua', import.meta.url)),
);

export interface RouteCommand {
  commandId: number;
  /** Goes to the recipients' frames. */
  version: number;
  /** JSON text of the message body in its plain form. */
  body: string;
  /** `direct`: everyone but the sessions of the calling gateway, which were given this broadcast. */
  to: readonly string[] | 'everyone' | { direct: DirectBroadcast };
  /** Sends it to the members of this group; `to` is empty then. */
  group?: string;
  /** Who sends it: a user id. */
  from: string;
  /** Seconds for which it may wait in a mailbox; 0: as long as OFFLINE_TTL_S allows. */
  ttlSeconds: number;
  receipt: boolean;
  traceparent: string;
  /** For a command to one recipient: the step of its receipt that this function instance is notified of. Needs a receipt. */
  wait?: { step: WaitStep; instance: string };
  /** For a command to one recipient: refuse it when the recipient is not connected. */
  failIfAway?: boolean;
  /** Time at which it is due, ms of Redis's clock. */
  notBeforeMs?: number;
  /** Of the commands with this key that still wait for the same user, only the newest is delivered. Needs a receipt. */
  replaces?: string;
  /** Record its waiting recipients, so that it can be cancelled. */
  cancellable?: boolean;
}

/** A step that the caller of POST /send-command waits for. */
export type WaitStep = 'written' | 'acknowledged' | 'reply';

/** The reason why a command with conditions was not sent. */
export type RouteRefusal =
  | 'unknown_user'
  | 'away'
  | 'cannot_reply'
  | 'cannot_acknowledge'
  | 'not_before_past'
  | 'not_before_far'
  | 'too_many_keys'
  | 'unknown_group'
  | 'too_many_group_sends';

export interface RouteOptions extends MailboxBound {
  offlineTtlSeconds: number;
  /** Redis's clock, ms; the script accepts nothing when it starts later. 0: no deadline. */
  deadlineMs?: number;
  /** Same `key` and `digest`: the first result again; same key, other digest: conflict. `calls`: of the whole request, 1 if left out. */
  idempotency?: { key: string; digest: string; ttlSeconds: number; calls?: number };
  /** The calling gateway: its result has the last entry that was added to its own inbox. */
  gatewayId?: string;
  /** That many ids are reserved right below that of the first command. */
  reservedIds?: number;
  /** The highest message id known to the caller: new ones are above it. */
  highestId: number;
  /** Each command is recorded in the audit, which keeps about this many records; 0: none. */
  auditMax?: number;
  /** Nothing is done unless this is the token (in its stored form) of an operator. */
  operator?: { userId: string; token: string };
}

export interface RouteAnswer {
  id: string;
  online: number;
  stored: number;
  unknown: number;
  /** Number of users for whom it is scheduled. */
  scheduled: number;
  /** For a send to a group: the number of members at acceptance. */
  members?: number;
  /** Nothing was sent, and there is no id. */
  refusal?: RouteRefusal;
}

const ROUTE_STATUSES = ['ok', 'replay', 'conflict', 'late', 'unauthorized'] as const;

export interface RouteResult {
  status: (typeof ROUTE_STATUSES)[number];
  answers: RouteAnswer[];
  ownEntry: string | undefined;
  redisNowMs: number;
}

/** Routes all commands in one atomic step. Throws RedisUnavailableError when the outcome is unknown. */
export async function routeCommands(
  redis: RedisPort,
  keys: Keys,
  commands: readonly RouteCommand[],
  options: RouteOptions,
): Promise<RouteResult> {
  const args: RedisArgument[] = [
    keys.prefix,
    options.offlineTtlSeconds,
    mailboxBound(options),
    options.deadlineMs ?? 0,
    options.idempotency?.key ?? '',
    options.idempotency?.digest ?? '',
    options.idempotency?.ttlSeconds ?? 0,
    options.gatewayId ?? '',
    options.auditMax ?? 0,
    options.reservedIds ?? 0,
    options.highestId,
    options.operator?.userId ?? '',
    options.operator?.token ?? '',
    options.idempotency?.calls ?? 1,
  ];
  for (const command of commands) {
    const only = onlyRecipientOf(command, options);
    if (only !== undefined) {
      args.push('s', `${command.commandId},${command.version}`, command.from, command.body, only);
      continue;
    }
    args.push(command.commandId, command.version, command.ttlSeconds, flagsOf(command));
    args.push(command.traceparent, command.from, command.body, optionsOf(command));
    if (command.to === 'everyone') args.push(-1);
    else if ('direct' in command.to) args.push(-2, `"${command.to.direct.origin}",${command.to.direct.number}`);
    else pushList(args, command.to);
  }
  const reply = await redis.script(routeScript, [keys.users], args);
  const [status, answers, ownEntry, now] = tupleOf(reply, 'text', 'text', 'text', 'text');
  return {
    status: wordOf(status, ROUTE_STATUSES),
    answers: answers === '' ? [] : answers.split(';').map(parseAnswer),
    ownEntry: ownEntry === '' ? undefined : ownEntry,
    redisNowMs: Number(now),
  };
}

/** Those that it names: a broadcast names nobody. */
export function recipientsOf(to: RouteCommand['to']): readonly string[] {
  return typeof to === 'string' || 'direct' in to ? NOBODY : to;
}

const NOBODY: readonly string[] = [];

/** The work of Redis to route a command (see ../work.ts). A group may have as many members as one call serves. */
export function routeWork({ to, group, body }: Pick<RouteCommand, 'to' | 'group' | 'body'>): number {
  if (group !== undefined) return STEP_WORK;
  return workOf(recipientsOf(to).length, Buffer.byteLength(body)) + 1;
}

/** The recipient of a gateway's chat to one user with nothing beside it: the script takes these in a short form. */
function onlyRecipientOf(command: RouteCommand, { gatewayId, auditMax = 0 }: RouteOptions): string | undefined {
  const { to, commandId, receipt, ttlSeconds, traceparent } = command;
  if (gatewayId === undefined || auditMax > 0) return undefined;
  const recipients = recipientsOf(to);
  if (recipients.length !== 1) return undefined;
  const isPlain = commandId < APPLICATION_DOWN.first && !receipt && ttlSeconds === 0 && traceparent === '';
  return isPlain && !hasOptions(command) ? recipients[0] : undefined;
}

function hasOptions({ group, wait, failIfAway, notBeforeMs, replaces, cancellable }: RouteCommand): boolean {
  const given = group ?? wait ?? notBeforeMs ?? replaces;
  return given !== undefined || failIfAway === true || cancellable === true;
}

/** See `MessageHead.flags` in ../records.ts. */
function flagsOf({ receipt, wait, replaces }: RouteCommand): string {
  const awaited = wait?.step === 'reply' ? 'a' : wait?.step === 'acknowledged' ? 'k' : '';
  return `${receipt ? 'r' : ''}${awaited}${replaces === undefined ? '' : 'p'}`;
}

/** Members that are undefined are left out. */
function optionsOf({ group, wait, failIfAway, notBeforeMs, replaces, cancellable }: RouteCommand): string {
  const options = {
    wait: wait?.step,
    waiter: wait?.instance,
    if_away: failIfAway || undefined,
    not_before: notBeforeMs,
    replaces,
    cancellable: cancellable || undefined,
    group,
  };
  const text = JSON.stringify(options);
  return text === '{}' ? '' : text;
}

function parseAnswer(text: string): RouteAnswer {
  if (!text.includes(',')) return { id: text, online: 1, stored: 0, unknown: 0, scheduled: 0 };
  const [id = '', online, stored, unknown, refusal = '', scheduled = 0, members = ''] = text.split(',');
  const counts = {
    online: Number(online),
    stored: Number(stored),
    unknown: Number(unknown),
    scheduled: Number(scheduled),
  };
  return {
    id,
    ...counts,
    ...(members === '' ? {} : { members: Number(members) }),
    ...(refusal === '' ? {} : { refusal: refusal as RouteRefusal }),
  };
}
