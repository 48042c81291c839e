import { giveToken, addUser as putUser, removeUser as takeUserOut } from '../../contract/store/scripts/users.ts';
import { userIdSchema } from '../../contract/wire/commands.ts';
import { ExitCode, Failure } from './failure.ts';
import type { Store } from './store.ts';

/** The audit has the actions of the HTTP API: a program on the store itself has no name. */
const UNRECORDED = { by: '', max: 0 };

export async function addUser(
  { redis, keys }: Store,
  userId: string,
  user: { password: string; isOperator: boolean; replace: boolean },
): Promise<void> {
  const outcome = await putUser(redis, keys, checked(userId), user, UNRECORDED);
  if (outcome === 'done') return;
  throw new Failure(ExitCode.failed, `the user ${userId} is there already`, 'To set a new password use --replace.');
}

/** `expiresAt` in Unix seconds; undefined: it stays until it is replaced. */
export async function issueToken(
  { redis, keys }: Store,
  userId: string,
  ttlSeconds: number,
): Promise<{ token: string; expiresAt: number | undefined }> {
  const issued = await giveToken(redis, keys, checked(userId), ttlSeconds, UNRECORDED);
  if (issued === 'no_user') throw unknownUser(userId);
  return issued;
}

export async function removeUser({ redis, keys }: Store, userId: string): Promise<void> {
  const outcome = await takeUserOut(redis, keys, checked(userId), UNRECORDED);
  if (outcome === 'unknown') throw unknownUser(userId);
}

function checked(userId: string): string {
  const result = userIdSchema.safeParse(userId);
  if (result.success) return userId;
  throw new Failure(ExitCode.usage, `the user id ${result.error.issues[0]?.message}`);
}

function unknownUser(userId: string): Failure {
  return new Failure(ExitCode.failed, `there is no user ${userId}`, `Make one: fronttcp users add ${userId}`);
}
