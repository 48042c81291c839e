import { readFileSync } from 'node:fs';

/** The page for people is the table for the program, too. Its text stands in the bundle (scripts/own-sources.mjs). */
const page = () => readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

const SECTIONS = { http: 'Over HTTP', tcp: 'Over TCP (111)' } as const;
/** A word has one meaning over each transport, and may differ between them. */
type Transport = keyof typeof SECTIONS;

/** What docs/errors.md says to do about a word of the HTTP API or of frame 111, as a sentence; undefined for an unknown word. */
export function nextStepOf(word: string, transport: Transport = 'http'): string | undefined {
  const [, section = ''] = page().split(`## ${SECTIONS[transport]}\n`);
  const [table = ''] = section.split('\n## ');
  const text = table.split(`| \`${word}\` | `)[1]?.split(' |\n')[0];
  if (text === undefined) return undefined;
  const plain = text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', '');
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}.`;
}
