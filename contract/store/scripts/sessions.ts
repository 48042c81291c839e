import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { SessionForm } from '../../wire/session-form.ts';
import { type DirectBroadcasts, directBroadcastsText, parseDirectBroadcasts } from '../direct-broadcasts.ts';
import type { Keys } from '../keys.ts';
import type { Recipient } from '../records.ts';
import { listOf, rowsOf, textOf, textsOf, wordOf } from '../redis-reply.ts';
import { ACTION_LUA, type Actor, inTime } from './action.ts';
import { ALLOW_FULL, AUDIT_LUA, defineScript, readLua, TOKENS_LUA } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import { TRIM_LUA } from './sweep.ts';

/** Shared with leases: epochs and ids are on one time line. */
export const SESSION_LUA = readLua(new URL('./session-library.lua', import.meta.url));

const claimScript = defineScript(
  'claim',
  ALLOW_FULL,
  TRIM_LUA,
  TOKENS_LUA,
  SESSION_LUA,
  readLua(new URL('./claim.lua', import.meta.url)),
);

const tokensScript = defineScript('tokens', TOKENS_LUA, readLua(new URL('./tokens.lua', import.meta.url)));

/** The stored tokens to check a presented one against: an operator may have several. */
export type TokenFields = string | readonly string[];

/** The tokens of each user. */
export async function readTokens(redis: RedisPort, keys: Keys, users: readonly string[]): Promise<TokenFields[]> {
  const fields = listOf(await redis.script(tokensScript, [keys.users], [keys.prefix, ...users]));
  return fields.map((field) => (Array.isArray(field) ? textsOf(field) : textOf(field)));
}

export interface ClaimRequest {
  userId: string;
  form: SessionForm;
  /** The `token` field that the presented token was checked against, or the session that this gateway held before it lost its lease. */
  proof: { tokenField: string } | { resumeEpoch: number; sinceEpoch: number; holder: string };
}

/** The gateway that makes the claim. */
export interface Claimant {
  readonly gatewayId: string;
  /** The highest message id known to it: epochs and ids continue above it, even when a failover has lost them. */
  readonly highestId: number;
  /** Name of this call, `<gateway>:<number>`: the same when it is repeated. Without one, each claim with a token is a new one. */
  readonly call?: string;
}

export type ClaimResult =
  | {
      status: 'claimed';
      epoch: number;
      predecessorHandsOver: boolean;
      lost: number;
      waiting: number;
      /** The last entry of our inbox that was routed before the claim; undefined: all entries are done. */
      newestEntry: string | undefined;
      /** The newest message at the claim: a broadcast up to it was for the sessions of that time. */
      lastMessageId: number;
      /** Direct broadcasts that the user's earlier sessions were given, as far as they have ended. */
      given: readonly DirectBroadcasts[];
    }
  | { status: 'refused' }
  /** The user was claimed elsewhere since, or the session was ended: `reason` is the cause, empty for a later claim. */
  | { status: 'superseded'; reason: string };

/** Claims sessions for a gateway, in order. Returns `no_lease` when the gateway has no lease: it must join again first. */
export async function claimSessions(
  redis: RedisPort,
  keys: Keys,
  { gatewayId, highestId, call = '' }: Claimant,
  offlineTtlSeconds: number,
  requests: readonly ClaimRequest[],
): Promise<ClaimResult[] | 'no_lease'> {
  const args: RedisArgument[] = [keys.prefix, gatewayId, offlineTtlSeconds, highestId, call];
  for (const { userId, form, proof } of requests) {
    if ('tokenField' in proof) args.push(userId, form, proof.tokenField, '');
    else args.push(userId, form, '', `${proof.resumeEpoch} ${proof.sinceEpoch} ${proof.holder}`);
  }
  const reply = await redis.script(claimScript, [keys.users], args);
  if (reply === 'no_lease') return reply;
  const [newest = '', lastMessage, ...results] = textsOf(reply);
  const newestEntry = newest === '' ? undefined : newest;
  const lastMessageId = Number(lastMessage);
  return results.map((result): ClaimResult => {
    const [status, epochOrReason = '', handsOver, lost, waiting, ...given] = result.split(' ');
    if (status === 'superseded') return { status, reason: epochOrReason };
    if (status !== 'claimed') return { status: 'refused' };
    return {
      status,
      epoch: Number(epochOrReason),
      predecessorHandsOver: handsOver === '1',
      lost: Number(lost),
      waiting: Number(waiting),
      newestEntry,
      lastMessageId,
      given: parseDirectBroadcasts(given.join(' ')),
    };
  });
}

// The name is a label of metrics and stays; the script reads current sessions and is not about the audit log.
const currentSessionsScript = defineScript(
  'audit',
  ALLOW_FULL,
  SESSION_LUA,
  readLua(new URL('./current-sessions.lua', import.meta.url)),
);

interface CurrentSession {
  epoch: number;
  /** The epoch of its verify: lower than that of a session here, when the store has lost that session's claim. */
  sinceEpoch: number;
  /** Undefined: no gateway has the user. */
  gatewayId: string | undefined;
  /** The reason why the previous session was ended from outside; empty: it was not. */
  endedBy: string;
}

/** The session of each of these users, as the store has it. */
export async function readCurrentSessions(
  redis: RedisPort,
  keys: Keys,
  userIds: readonly string[],
): Promise<CurrentSession[]> {
  const reply = await redis.script(currentSessionsScript, [keys.users], [keys.prefix, ...userIds]);
  return rowsOf(reply).map(([epoch, since, gatewayId = '', endedBy = '']) => ({
    epoch: Number(epoch),
    sinceEpoch: Number(since),
    gatewayId: gatewayId === '' ? undefined : gatewayId,
    endedBy,
  }));
}

const releaseScript = defineScript('release', ALLOW_FULL, readLua(new URL('./release.lua', import.meta.url)));

export interface Undelivered {
  /** `0` for a message without an id. */
  id: string;
  /** As `headRest` returns it. */
  rest: string;
  body: string;
}

/** A session and the gateway id under which it was claimed: every call for it names both. */
interface HeldSession extends Recipient {
  holder: string;
}

export interface Release {
  session: HeldSession;
  reason: string;
  /** Nothing of this session is left in the inbox: the next session may be served. */
  handsOver: boolean;
  /** The broadcasts that it was given before Redis had them; undefined: none. */
  given?: DirectBroadcasts | undefined;
  undelivered: readonly Undelivered[];
  /** The same when the call is repeated; no other call has it. */
  call: string;
  /** The highest message id known to the caller: new ones are above it. */
  highestId: number;
}

/** Ends a session in Redis, if it is still the current one, and puts its undelivered messages back. Returns whether it was current. */
export async function releaseSession(
  redis: RedisPort,
  keys: Keys,
  store: { offlineTtlSeconds: number } & MailboxBound,
  release: Release,
): Promise<boolean> {
  const { session, reason, handsOver, given, undelivered, call, highestId } = release;
  const reply = await redis.script(
    releaseScript,
    [keys.users],
    [
      keys.prefix,
      session.holder,
      store.offlineTtlSeconds,
      mailboxBound(store),
      session.userId,
      session.epoch,
      reason,
      handsOver ? 1 : 0,
      call,
      highestId,
      directBroadcastsText(given),
      ...undelivered.flatMap(({ id, rest, body }) => [id, rest, body]),
    ],
  );
  return reply === 1;
}

const disconnectScript = defineScript(
  'disconnect',
  ALLOW_FULL,
  SESSION_LUA,
  TOKENS_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./disconnect.lua', import.meta.url)),
);

/** Without deadline, name and record. */
const UNNAMED = [0, '', 0, ''];

/** Closes a user's connection, on any gateway; with `revoke` the token is revoked first. */
export async function disconnectUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  how: {
    reason: 'kicked' | 'logged_out';
    /** All tokens, or the one in this token field: then a connection that was opened with another valid token stays. */
    revoke: boolean | { tokenField: string };
    /** The highest message id known to the caller, as in a claim. */
    highestId?: number;
  },
  actor?: Actor,
): Promise<'unknown' | 'offline' | 'online' | 'kept'> {
  const revoked = typeof how.revoke === 'object' ? how.revoke.tokenField : how.revoke ? 'all' : '';
  const args = [keys.prefix, userId, how.reason, revoked, how.highestId ?? 0];
  const call = (named: readonly RedisArgument[]) => redis.script(disconnectScript, [keys.users], [...args, ...named]);
  const reply = await (actor === undefined ? call(UNNAMED) : inTime(actor, call));
  return wordOf(reply, ['unknown', 'offline', 'online', 'kept']);
}
