import type { Piece } from './corpus.ts';
import type { Random } from './random.ts';

const NUMBERS = ['0', '-1', '1e999', '1e-400', '9007199254740993', '4294967296', '-0', '0.5', '00', '1E5', 'NaN'];
const TEXTS = ['', '__proto__', 'fuzz', '\\ud800', '\\u0000', '{x}', '*', 'a\\nb', '名😀', 'x'.repeat(129), "');--"];
const JSON_PARTS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  'null',
  'true',
  '{}',
  '[]',
  '[[[[[[[[',
  '\\',
  '\ufeff',
  '\u2028',
];
const MEMBERS = [
  'chat_to',
  'chat_from',
  'chat_content',
  'ref',
  'ids',
  'features',
  'token',
  'phone_number',
  '__proto__',
];
const LENGTHS = [0, 1, 11, 12, 13, 65_535, 65_536, 65_537, 2 ** 31, 2 ** 32 - 1];
const COMMANDS = [0, 1, 2, 3, 4, 5, 6, 7, 77, 101, 102, 111, 999, 1_000, 1_999, 2_000, 2_999, 3_000, 2 ** 32 - 1];

type Mutation<T> = (of: T, random: Random) => T;

/** Changes a text where its structure is: numbers, strings and members as wholes, sometimes a character. */
const mutateText: Mutation<string> = (text, random) => {
  const at = random.below(text.length + 1);
  const kinds: (() => string)[] = [
    () => text.replace(/-?\d+(?:\.\d+)?/, () => random.pick(NUMBERS)),
    () => replaceAt(text, /"[^"]*"/g, () => `"${random.pick(TEXTS)}"`, random),
    () => replaceAt(text, /"[^"]*"(?=\s*:)/g, () => `"${random.pick(MEMBERS)}"`, random),
    () => text.slice(0, at) + random.pick(JSON_PARTS) + text.slice(at),
    () => text.slice(0, at) + text.slice(at + 1 + random.below(8)),
    () => text.slice(0, at) + String.fromCharCode(random.below(0x250)) + text.slice(at + 1),
    () => text.slice(0, at) + text.slice(0, at) + text.slice(at),
  ];
  return random.pick(kinds)().slice(0, 100_000);
};

function replaceAt(text: string, pattern: RegExp, by: () => string, random: Random): string {
  const found = [...text.matchAll(pattern)];
  const one = found.length === 0 ? undefined : random.pick(found);
  return one === undefined ? text : text.slice(0, one.index) + by() + text.slice(one.index + one[0].length);
}

const mutatePiece: Mutation<Piece> = (piece, random) => {
  if (piece.kind === 'bytes') {
    const bytes = Buffer.from(piece.hex, 'hex');
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return { kind: 'bytes', hex: bytes.toString('hex') };
  }
  const kinds: (() => Piece)[] = [
    () => ({ ...piece, body: mutateText(piece.body, random) }),
    () => ({ ...piece, body: mutateText(piece.body, random) }),
    () => ({ ...piece, command: random.pick(COMMANDS) }),
    () => ({ ...piece, version: random.pick(LENGTHS) }),
    () => ({ ...piece, length: random.pick(LENGTHS) }),
    () => ({ ...piece, cut: random.below(40) }),
    () => ({ ...piece, body: piece.body.repeat(random.below(20)).slice(0, 65_000) }),
    () => ({ kind: 'bytes', hex: renderPiece(piece).toString('hex') }),
  ];
  return random.pick(kinds)();
};

/** A dialogue near another: pieces changed, repeated, left out, or taken from a third. */
export function mutateDialogue(pieces: readonly Piece[], other: readonly Piece[], random: Random): Piece[] {
  const changed = [...pieces];
  for (let n = 1 + random.below(4); n > 0; n -= 1) {
    const at = random.below(changed.length + 1);
    const here = changed[at];
    const kind = random.below(6);
    if (here === undefined || kind === 0) changed.splice(at, 0, random.pick(other));
    else if (kind === 1) changed.splice(at, 1);
    else if (kind === 2) changed.splice(at, 0, here);
    else changed[at] = mutatePiece(here, random);
  }
  return changed;
}

export function renderPiece(piece: Piece): Buffer {
  if (piece.kind === 'bytes') return Buffer.from(piece.hex, 'hex');
  const body = Buffer.from(piece.body);
  const header = Buffer.alloc(12);
  header.writeUInt32BE(piece.length ?? 12 + body.length, 0);
  header.writeUInt32BE(piece.version >>> 0, 4);
  header.writeUInt32BE(piece.command >>> 0, 8);
  return Buffer.concat([header, body]);
}

/** A request near another: its lines, its headers or its body; the length put right half of the time. */
export const mutateRequest: Mutation<string> = (text, random) => {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  if (random.below(3) === 0) return mutateText(text, random);
  if (random.below(2) === 0) return `${mutateText(head, random)}\r\n\r\n${body}`;
  const changed = mutateText(body, random);
  const right = head.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(changed)}`);
  return `${random.below(4) === 0 ? head : right}\r\n\r\n${changed}`;
};
