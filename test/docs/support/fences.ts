import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../kit/process.ts';

/** A block between ``` of a page. */
export interface Fence {
  /** Path of the page. */
  readonly page: string;
  /** Where it begins. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language: `aws`, `slow`, … */
  readonly marks: readonly string[];
  readonly text: string;
}

export const pages: readonly string[] = [
  ...['README.md', 'SECURITY.md', 'ops/README.md'],
  ...readdirSync(join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

export const readPage = (page: string): string => readFileSync(join(repository, page), 'utf8');

export function fencesOf(page: string): Fence[] {
  const fences: Fence[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of readPage(page).split('\n').entries()) {
    const mark = /^\s*```(.*)$/.exec(line);
    if (open === undefined) {
      if (mark) open = { line: index + 1, info: mark[1]?.trim() ?? '', lines: [] };
    } else if (mark) {
      const [language = '', ...marks] = open.info.split(/\s+/);
      fences.push({ page, line: open.line, language, marks, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: a block that is not closed`);
  return fences;
}

/** Also a test's name: the page, the place and what begins there. */
export const titleOf = ({ page, line, text }: Fence): string => `${page}:${line} ${text.split('\n')[0]}`;
