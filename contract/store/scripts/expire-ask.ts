import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { type AskState, readAskStates } from './asks.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';
import { TRIM_LUA } from './sweep.ts';

const trimScript = defineScript(
  'trim_mailbox',
  ALLOW_FULL,
  TRIM_LUA,
  readLua(new URL('./trim-mailbox.lua', import.meta.url)),
);

/** The state of a message that waits in a mailbox, once it is removed from there if it has expired: the sweep may be late. */
export async function expireAsk(
  redis: RedisPort,
  keys: Keys,
  ask: { readonly id: string; readonly userId: string; readonly commandId: number },
  offlineTtlSeconds: number,
): Promise<AskState | undefined> {
  const args = [keys.prefix, ask.userId, offlineTtlSeconds, ask.commandId];
  while ((await redis.script(trimScript, [keys.users], args)) === 1);
  return (await readAskStates(redis, keys, [ask]))[0];
}
