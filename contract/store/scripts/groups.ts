import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { listOf, numberOf, textsOf, tupleOf } from '../redis-reply.ts';
import { ACTION_LUA, type Actor, act } from './action.ts';
import { AUDIT_LUA, defineScript, readLua } from './library.ts';

export const GROUP_LUA = readLua(new URL('./group-library.lua', import.meta.url));

const membersScript = defineScript(
  'group_members',
  GROUP_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./group-members.lua', import.meta.url)),
);
const deleteScript = defineScript(
  'group_delete',
  GROUP_LUA,
  ACTION_LUA,
  AUDIT_LUA,
  readLua(new URL('./group-delete.lua', import.meta.url)),
);
const pageScript = defineScript('group_page', GROUP_LUA, readLua(new URL('./group-page.lua', import.meta.url)));

const MAX_GROUP_MEMBERS = 100_000;

/** Returns the number of members, or `full`: there would be too many, and nothing was changed. An id in both lists is removed. */
export async function changeGroup(
  redis: RedisPort,
  keys: Keys,
  name: string,
  change: { add: readonly string[]; remove: readonly string[] },
  actor: Actor,
  /** The highest message id known to the caller: members join at a higher one. */
  highestId: number,
): Promise<number | 'full'> {
  const { add, remove } = change;
  const args = [name, MAX_GROUP_MEMBERS, add.length, highestId, ...add, ...remove];
  const members = numberOf(await act(redis, keys, membersScript, actor, args));
  return members < 0 ? 'full' : members;
}

/** Returns whether there was such a group. Sends that were accepted before still reach its members. */
export async function deleteGroup(redis: RedisPort, keys: Keys, name: string, actor: Actor): Promise<boolean> {
  return (await act(redis, keys, deleteScript, actor, [name])) === 1;
}

interface GroupPage {
  readonly size: number;
  readonly members: string[];
  /** Where the next page begins; undefined: this was the last. */
  readonly cursor: string | undefined;
}

/** A page of members, in the order in which they joined; undefined: there is no such group. */
export async function readGroup(
  redis: RedisPort,
  keys: Keys,
  name: string,
  page: { after: string; limit: number },
): Promise<GroupPage | undefined> {
  const reply = await redis.script(pageScript, [keys.users], [keys.prefix, name, page.after, page.limit + 1]);
  if (listOf(reply).length === 0) return undefined;
  const [size, flat] = tupleOf(reply, 'number', 'texts');
  const members = flat.filter((_, at) => at % 2 === 0).slice(0, page.limit);
  const hasMore = flat.length / 2 > page.limit;
  return { size, members, cursor: hasMore ? flat[2 * page.limit - 1] : undefined };
}

/** A page of the names of groups, in the order of their bytes. */
export async function listGroups(
  redis: RedisPort,
  keys: Keys,
  page: { after: string; limit: number },
): Promise<{ names: string[]; cursor: string | undefined }> {
  const from = page.after === '' ? '-' : `(${page.after}`;
  const limit = ['LIMIT', 0, page.limit + 1];
  const names = textsOf(await redis.command('ZRANGEBYLEX', keys.groups, from, '+', ...limit));
  return { names: names.slice(0, page.limit), cursor: names.length > page.limit ? names[page.limit - 1] : undefined };
}
