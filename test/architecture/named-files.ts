import { basename, dirname, join } from 'node:path/posix';

/** A comment of any of our languages, from its mark on. */
const COMMENT = /(?:\/\/|\/\*\*?|^\s*\*|^\s*#|--)\s(.*)/;
const QUOTED = /`([^`]+)`/g;
/** A file by its name or path. Parts of a pattern, such as `<name>/handler.ts`, are none. */
const FILE = /(?<![\w./:@$<{>},-])(?:\.{1,2}\/)*[\w-][\w.-]*(?:\/[\w.-]+)*\.(?:tsx?|lua|mjs|md|py|c)\b/g;

/** The files that the comments of a source name, or a page in backquotes with their folder, and that are none of `files`. */
export function unknownFiles(from: string, text: string, files: ReadonlySet<string>): string[] {
  const names = new Set([...files].map((file) => basename(file)));
  const isPage = from.endsWith('.md');
  const mentions = isPage
    ? Array.from(text.matchAll(QUOTED), ([, quoted = '']) => quoted)
    : text.split('\n').map((line) => COMMENT.exec(line)?.[1] ?? '');
  const named = mentions.flatMap((mention) => mention.match(FILE) ?? []);
  return named.filter((name) => {
    // A page also names files that its reader makes.
    if (isPage && (name.startsWith('./') || !name.includes('/'))) return false;
    if (!name.includes('/')) return !names.has(name);
    const paths = [join(name), join(dirname(from), name)];
    return !paths.some((path) => files.has(path)) && ![...files].some((file) => file.endsWith(`/${join(name)}`));
  });
}
