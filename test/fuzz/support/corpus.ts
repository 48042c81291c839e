import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const folder = fileURLToPath(new URL('../corpus/', import.meta.url));

const frame = z.object({
  kind: z.literal('frame'),
  command: z.int(),
  version: z.int(),
  body: z.string(),
  /** What the header says where it lies. */
  length: z.int().optional(),
  /** Where the frame is cut into two writes. */
  cut: z.int().optional(),
});
const bytes = z.object({ kind: z.literal('bytes'), hex: z.string() });
const piece = z.discriminatedUnion('kind', [frame, bytes]);
export type Piece = z.infer<typeof piece>;

const dialogue = z.object({ pieces: z.array(piece) });
const request = z.object({ request: z.string() });

/** Dialogues of the TCP port: `tcp-*.json`. What once broke something stays there. */
export function tcpCorpus(): Piece[][] {
  return read('tcp-').map((json) => dialogue.parse(json).pieces);
}

/** Requests as text, `$TOKEN` for an operator's: `http-*.json`. */
export function httpCorpus(): string[] {
  return read('http-').map((json) => request.parse(json).request);
}

function read(prefix: string): unknown[] {
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
}

/** Keeps what broke something, so that every later run begins with it. Returns the file's name. */
export function keep(kind: 'tcp' | 'http', content: object, at: number): string {
  const name = `${kind}-found-${at}.json`;
  writeFileSync(join(folder, name), `${JSON.stringify(content, null, 1)}\n`);
  return name;
}
