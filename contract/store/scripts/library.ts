import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisArgument, Script } from '../../../shared/redis/port.ts';

/**
 * Reads a Lua file that lies beside its module: `readLua(new URL('./route.lua', import.meta.url))`, in exactly this
 * form. Bundles have no files beside them: scripts/own-sources.mjs puts the text in place of the call.
 */
export function readLua(file: URL): string {
  return readFileSync(file, 'utf8');
}

const PRELUDE = [
  testBuild(readLua(new URL('./prelude.lua', import.meta.url))),
  readLua(new URL('./mailbox-library.lua', import.meta.url)),
];

/** With FRONTTCP_WORK_LIMIT in the environment, as tests set it, a call that does more work than that fails. */
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

/** Something that a library defines at the beginning of a line; with no name: a statement. */
interface Definition {
  readonly text: string;
  readonly names: readonly string[];
  readonly words: ReadonlySet<string>;
}

/**
 * Returns a script made of libraries, the prelude first, and its own text, the last part. It carries only the definitions that
 * it uses: each of them is made anew in every call. The header of each .lua file is its signature.
 */
export function defineScript(name: string, ...parts: readonly string[]): Script {
  const own = parts.at(-1) ?? '';
  const definitions = [...PRELUDE, ...parts.slice(0, -1)].flatMap(definitionsOf);
  const lua = [...usedBy(own, definitions), own].join('\n');
  return { name, lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

const parsed = new Map<string, readonly Definition[]>();

/** Of a library: each begins at the beginning of a line, and goes on in indented lines and with `end`. */
function definitionsOf(library: string): readonly Definition[] {
  const known = parsed.get(library);
  if (known !== undefined) return known;
  const texts: string[] = [];
  for (const line of library.split('\n')) {
    if (/^\s*(--|$)/.test(line)) continue;
    if (/^(?!end\b)\S/.test(line)) texts.push(line);
    else texts.push(`${texts.pop()}\n${line}`);
  }
  const definitions = texts.map((text) => ({ text, names: namesOf(text), words: wordsOf(text) }));
  parsed.set(library, definitions);
  return definitions;
}

function namesOf(text: string): string[] {
  const name = /^(?:local )?function (\w+)/.exec(text)?.[1];
  if (name !== undefined) return [name];
  return /^local ([\w, ]+)/.exec(text)?.[1]?.trim().split(/, */) ?? [];
}

const wordsOf = (text: string): Set<string> => new Set(text.match(/[A-Za-z_]\w*/g));

/** Texts of what a script needs, in their order: statements, and what is named in it or in another one of these. */
function usedBy(own: string, definitions: readonly Definition[]): string[] {
  const words = wordsOf(own);
  const used = new Set<Definition>();
  for (let before = -1; before < used.size; ) {
    before = used.size;
    for (const definition of definitions) {
      const { names, words: more } = definition;
      if (used.has(definition) || (names.length > 0 && !names.some((name) => words.has(name)))) continue;
      used.add(definition);
      for (const word of more) words.add(word);
    }
  }
  return definitions.filter((definition) => used.has(definition)).map(({ text }) => text);
}
