import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invalidHeaders, type Vector, vectors } from './vectors.ts';

/**
 * Writes the vectors into docs/protocol.md, between its two marks: `node test/vectors/render.ts`. A test sees that
 * it was done.
 */
export const documentPath = fileURLToPath(new URL('../../docs/protocol.md', import.meta.url));

const BEGIN = '<!-- vectors: written by test/vectors/render.ts -->';
const END = '<!-- end of vectors -->';

/** The document with the vectors of frames.json in it. */
export function withVectors(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the document lacks ${BEGIN} or ${END}`);
  return `${before}${BEGIN}\n\n${[...vectors.map(frame), invalid()].join('\n\n')}\n\n${END}${after}`;
}

function frame({ name, direction, version, command_id, body, hex }: Vector): string {
  const heading = `**${name}** (${direction}): version ${version}, command ${command_id}, length ${hex.length / 2}`;
  const text = body === '' ? '' : `\n\n\`\`\`json\n${body}\n\`\`\``;
  return `${heading}${text}\n\n\`\`\`text\n${lines(hex)}\n\`\`\``;
}

function invalid(): string {
  const rows = invalidHeaders.map(({ name, hex }) => `| ${name} | \`${groups(hex)}\` |`);
  return `**Headers that end the connection**\n\n| why | header |\n| --- | --- |\n${rows.join('\n')}`;
}

/** The header on a line of its own, the body sixteen bytes a line. */
function lines(hex: string): string {
  const body = hex.slice(24).match(/.{1,32}/g) ?? [];
  return [groups(hex.slice(0, 24)), ...body.map(bytes)].join('\n');
}

function groups(hex: string): string {
  return (hex.match(/.{8}/g) ?? []).map(bytes).join('  ');
}

function bytes(hex: string): string {
  return (hex.match(/../g) ?? []).join(' ');
}

if (import.meta.main) writeFileSync(documentPath, withVectors(readFileSync(documentPath, 'utf8')));
