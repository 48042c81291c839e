import { setTimeout as delay } from 'node:timers/promises';
import { makeToken, tokenAtRest } from '../../../contract/store/tokens.ts';
import type { Store } from '../store.ts';

/** A user that is created for a run, and removed after it. */
export interface Member {
  userId: string;
  token: string;
}

type MemberKind = 'sim' | 'bench';

/** A unique prefix: leftover users of a killed run can be recognised and removed. */
const LEFT_OVER = /^(sim|bench)-[\da-f]{8}-\d{5,}$/;

const BATCH = 500;
/** Time limit for gateways to end the sessions of clients that have left, ms. */
const SESSION_END_MS = 20_000;

export function namesOf(kind: MemberKind, run: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${kind}-${run}-${String(at + 1).padStart(5, '0')}`);
}

export async function makeMembers(
  { redis, keys }: Store,
  userIds: readonly string[],
  progress: (done: number) => void,
): Promise<Member[]> {
  const members = userIds.map((userId) => ({ userId, token: makeToken(userId) }));
  for (let at = 0; at < members.length; at += BATCH) {
    const batch = members.slice(at, at + BATCH);
    await redis.pipeline([
      ...batch.map(({ userId, token }) => ['HSET', keys.user(userId), 'token', tokenAtRest(token)]),
      ['ZADD', keys.users, ...batch.flatMap(({ userId }) => [0, userId])],
    ]);
    progress(at + batch.length);
  }
  return members;
}

/** Their connections have ended, or end now. When a gateway records the end of a session, the user must still exist. */
export async function removeMembers(
  store: Store,
  userIds: readonly string[],
  progress: (done: number) => void,
): Promise<void> {
  const { redis, keys } = store;
  const endMs = performance.now() + SESSION_END_MS;
  for (let at = 0; at < userIds.length; at += BATCH) {
    const batch = userIds.slice(at, at + BATCH);
    while (performance.now() < endMs && (await areConnected(store, batch))) await delay(100);
    await redis.pipeline([
      ...batch.map((userId) => ['DEL', keys.user(userId), keys.mailbox(userId)]),
      ['ZREM', keys.users, ...batch],
    ]);
    progress(at + batch.length);
  }
}

async function areConnected({ redis, keys }: Store, userIds: readonly string[]): Promise<boolean> {
  const replies = await redis.pipeline(userIds.map((userId) => ['HEXISTS', keys.user(userId), 'gateway']));
  return replies.includes(1);
}

/** Leftover users of earlier runs. */
export async function leftOver({ redis, keys }: Store, kind: MemberKind): Promise<string[]> {
  const found = (await redis.command('ZRANGEBYLEX', keys.users, `[${kind}-`, `(${kind}.`)) as string[];
  return found.filter((userId) => LEFT_OVER.test(userId));
}
