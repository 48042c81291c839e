/** Something that a library defines at the beginning of a line; with no name: a statement. */
interface Definition {
  readonly text: string;
  readonly names: readonly string[];
  readonly words: ReadonlySet<string>;
}

const parsed = new Map<string, readonly Definition[]>();

/**
 * Returns the definitions of the libraries that a script uses, in their order: statements, and names used in the script or in
 * another one of these.
 */
export function usedDefinitions(own: string, libraries: readonly string[]): string[] {
  const definitions = libraries.flatMap(definitionsOf);
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

function wordsOf(text: string): Set<string> {
  return new Set(text.match(/[A-Za-z_]\w*/g));
}
