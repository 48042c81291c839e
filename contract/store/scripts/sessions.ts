import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { SessionForm } from '../../wire/session-form.ts';
import type { Keys } from '../keys.ts';
import type { Recipient } from '../records.ts';
import { defineScript, readLua } from './library.ts';
import { TRIM_LUA } from './sweep.ts';

const claimScript = defineScript('claim', TRIM_LUA, readLua(new URL('./claim.lua', import.meta.url)));

const tokensScript = defineScript('tokens', readLua(new URL('./tokens.lua', import.meta.url)));

/** What the tokens that these users present are checked against, in order; '' where a user has none. */
export async function readTokens(redis: RedisPort, keys: Keys, users: readonly string[]): Promise<string[]> {
  return (await redis.script(tokensScript, [keys.users], [keys.prefix, ...users])) as string[];
}

export interface ClaimRequest {
  userId: string;
  form: SessionForm;
  /** The `token` field that the presented token was checked against, or the epoch that this gateway held before it lost its lease. */
  proof: { tokenField: string } | { resumeEpoch: number };
}

export type ClaimResult =
  | {
      status: 'claimed';
      epoch: number;
      predecessorHandsOver: boolean;
      lost: number;
      waiting: number;
      /** What was routed before the claim is in our inbox up to this entry; undefined: all of it is done. */
      newestEntry: string | undefined;
      /** The newest message there was: a broadcast up to it was for those who were connected then. */
      lastMessageId: number;
    }
  | { status: 'refused' | 'superseded' };

/** Claims sessions for a gateway, in order. Answers `no_lease` when the gateway has none: it must join again first. */
export async function claimSessions(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  offlineTtlSeconds: number,
  requests: readonly ClaimRequest[],
): Promise<ClaimResult[] | 'no_lease'> {
  const args: RedisArgument[] = [keys.prefix, gatewayId, offlineTtlSeconds];
  for (const { userId, form, proof } of requests) {
    args.push(
      userId,
      form,
      'tokenField' in proof ? proof.tokenField : '',
      'resumeEpoch' in proof ? proof.resumeEpoch : '',
    );
  }
  const reply = await redis.script(claimScript, [keys.users], args);
  if (reply === 'no_lease') return reply;
  return (reply as [string, string, number, string, number, string, string][]).map(
    ([status, epoch, owing, lost, waiting, newest, lastMessage]) =>
      status === 'claimed'
        ? {
            status,
            epoch: Number(epoch),
            predecessorHandsOver: owing === 1,
            lost: Number(lost),
            waiting,
            newestEntry: newest === '' ? undefined : newest,
            lastMessageId: Number(lastMessage),
          }
        : { status: status === 'superseded' ? 'superseded' : 'refused' },
  );
}

const auditScript = defineScript('audit', readLua(new URL('./audit.lua', import.meta.url)));

/** The current epoch of each of these users: lower than the one that a session has, when the store has lost its claim. */
export async function auditSessions(redis: RedisPort, keys: Keys, userIds: readonly string[]): Promise<number[]> {
  return ((await redis.script(auditScript, [keys.users], [keys.prefix, ...userIds])) as string[]).map(Number);
}

const releaseScript = defineScript('release', readLua(new URL('./release.lua', import.meta.url)));

export interface Undelivered {
  /** `0` for a message that never had one. */
  id: string;
  /** As `headRest` gives it. */
  rest: string;
  body: string;
}

export interface Release {
  session: Recipient;
  reason: string;
  /** Nothing of this session is left in the inbox: whoever comes next may be served. */
  handsOver: boolean;
  undelivered: readonly Undelivered[];
  /** The same when the call is repeated, and used for no other. */
  call: string;
}

/** Ends a session in Redis, if it is still the current one, and puts back what it had not got. Answers whether it was. */
export async function releaseSession(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  store: { offlineTtlSeconds: number; mailboxMax: number },
  release: Release,
): Promise<boolean> {
  const { session, reason, handsOver, undelivered, call } = release;
  const reply = await redis.script(
    releaseScript,
    [keys.users],
    [
      keys.prefix,
      gatewayId,
      store.offlineTtlSeconds,
      store.mailboxMax,
      session.userId,
      session.epoch,
      reason,
      handsOver ? 1 : 0,
      call,
      ...undelivered.flatMap(({ id, rest, body }) => [id, rest, body]),
    ],
  );
  return reply === 1;
}

const disconnectScript = defineScript('disconnect', readLua(new URL('./disconnect.lua', import.meta.url)));

/** Closes a user's connection, on whichever gateway; with `revoke` the token goes first. */
export async function disconnectUser(
  redis: RedisPort,
  keys: Keys,
  userId: string,
  how: { reason: 'kicked' | 'logged_out'; revoke: boolean },
): Promise<'unknown' | 'offline' | 'online'> {
  const args = [keys.prefix, userId, how.reason, how.revoke ? '1' : '0'];
  return (await redis.script(disconnectScript, [keys.users], args)) as 'unknown' | 'offline' | 'online';
}
