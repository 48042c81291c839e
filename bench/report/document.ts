import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe } from '../million/describe.ts';
import type { MillionResult } from '../million/result.ts';
import { root } from '../support/paths.ts';
import { goalsTable } from './goals.ts';
import { plotsOf } from './plots.ts';
import type { ResultFile } from './results.ts';
import { markdown } from './table.ts';

const DOCUMENT = `${root}docs/performance.md`;
const IMAGES = `${root}docs/images`;

/** Writes the figures and plots of a run into docs/performance.md, between its marks; the words around them stay. */
export async function writeDocument(results: ResultFile): Promise<void> {
  await mkdir(IMAGES, { recursive: true });
  const plots = plotsOf(results);
  for (const { file, svg } of plots) await writeFile(`${IMAGES}/${file}`, svg);
  const pictures = plots.map(({ file, title }) => `![${title}](images/${file})`).join('\n\n');
  await replaceBetween('goals', goalsTable(results));
  await replaceBetween('figures', `${pictures}\n\n${markdown(results)}`);
}

/** The same for the result of bench:million. */
export async function writeMillionDocument(result: MillionResult): Promise<void> {
  await replaceBetween('million', describe(result));
}

async function replaceBetween(mark: string, text: string): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8');
  await writeFile(DOCUMENT, replaceMarked(document, mark, text));
}

/** Throws when the document has lost its marks. */
export function replaceMarked(document: string, mark: string, text: string): string {
  const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no marks ${begin} … ${end}`);
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`;
}
