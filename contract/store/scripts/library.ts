import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Script } from '../../../shared/redis/port.ts';

/**
 * Reads a Lua file that stands beside its module: `readLua(new URL('./route.lua', import.meta.url))`, in exactly this
 * form. Bundles have no files beside them: scripts/inline-lua.mjs puts the text in place of the call.
 */
export function readLua(file: URL): string {
  return readFileSync(file, 'utf8');
}

const PRELUDE = readLua(new URL('./prelude.lua', import.meta.url));

/** Returns a script made of the prelude, then the parts in order. The header of each .lua file is its signature. */
export function defineScript(name: string, ...parts: readonly string[]): Script {
  const lua = [PRELUDE, ...parts].join('\n');
  return { name, lua, sha1: createHash('sha1').update(lua).digest('hex') };
}
