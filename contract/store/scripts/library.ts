import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisArgument, Script } from '../../../shared/redis/port.ts';
import { usedDefinitions } from './definitions.ts';

/**
 * Reads a Lua file that lies beside its module: `readLua(new URL('./route.lua', import.meta.url))`, in exactly this
 * form. Bundles have no files beside them: scripts/own-sources.mjs puts the text in place of the call.
 */
export function readLua(file: URL): string {
  return readFileSync(file, 'utf8');
}

const PRELUDE = [
  readLua(new URL('./prelude.lua', import.meta.url)),
  readLua(new URL('./mailbox-library.lua', import.meta.url)),
];

/** With FRONTTCP_WORK_LIMIT in the environment, as tests set it, a call that does more work than that fails. A bundle has the limit with which it was made. */
function testBuild(prelude: string): string {
  const limit = /^\d+$/.exec(process.env.FRONTTCP_WORK_LIMIT ?? '')?.[0];
  return limit === undefined ? prelude : prelude.replace('WORK_LIMIT = 5000, nil', `WORK_LIMIT = 5000, ${limit}`);
}

/** Appends a list with its length before it. One by one: spread arguments use the stack, which is limited. */
export function pushList(args: RedisArgument[], list: readonly string[]): void {
  args.push(list.length);
  for (const item of list) args.push(item);
}

/** Follows the prelude of a script that must work when the store is full. Scripts that accept new messages do not have it. */
export const ALLOW_FULL = readLua(new URL('./allow-full.lua', import.meta.url));

/** Records of who did what. */
export const AUDIT_LUA = readLua(new URL('./audit-library.lua', import.meta.url));

/** The tokens of a user. */
export const TOKENS_LUA = readLua(new URL('./tokens-library.lua', import.meta.url));

const defined = new Map<string, Script>();

/**
 * Returns a script made of libraries, the prelude first, and its own text, the last part. It carries only the definitions that
 * it uses: each of them is made anew in every call. The header of each .lua file is its signature. In a bundle the finished
 * script stands in place of the call (scripts/own-sources.mjs).
 */
export function defineScript(name: string, ...parts: readonly string[]): Script {
  const own = parts.at(-1) ?? '';
  const lua = [...usedDefinitions(own, [...PRELUDE.map(testBuild), ...parts.slice(0, -1)]), own].join('\n');
  const script = scriptOf(name, lua);
  defined.set(name, script);
  return script;
}

export function scriptOf(name: string, lua: string): Script {
  return { name, lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** The script of this name, once the module that defines it was imported. */
export function definedScript(name: string): Script | undefined {
  return defined.get(name);
}
