import { join } from 'node:path/posix';

const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(const|function|class|interface|type|enum|let)\*? (\w+)/gm;
const NAMED = /^\s*(?:import|export)\s+(?:type\s+)?(?:\w+,\s*)?\{([^}]*)\}\s+from\s+'([^']+)'/gm;
/** Everything of a file: `import * as x`, `export *`, or `import()`, which may take any name. */
const WHOLE = /(?:\* (?:as \w+ )?from|import\()\s*'([^']+)'/g;

/** `<file>: <kind> <name>` for each export of `files` that no other file of `texts` imports, and that is no entry's. */
export function unusedExports(
  texts: ReadonlyMap<string, string>,
  files: readonly string[],
  entries: ReadonlySet<string>,
): string[] {
  const named = new Set<string>();
  const whole = new Set<string>(entries);
  for (const [file, text] of texts) {
    const pathOf = (specifier: string) => (specifier.startsWith('.') ? join(file, '..', specifier) : specifier);
    for (const [, names = '', specifier = ''] of text.matchAll(NAMED)) {
      for (const one of names.split(',')) {
        const name = one
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0];
        named.add(`${pathOf(specifier)}: ${name}`);
      }
    }
    for (const [, specifier = ''] of text.matchAll(WHOLE)) whole.add(pathOf(specifier));
  }
  return files
    .filter((file) => !whole.has(file))
    .flatMap((file) => Array.from((texts.get(file) ?? '').matchAll(EXPORT), ([, kind, name]) => ({ file, kind, name })))
    .filter(({ file, name }) => !named.has(`${file}: ${name}`))
    .map(({ file, kind, name }) => `${file}: ${kind} ${name}`)
    .sort();
}
