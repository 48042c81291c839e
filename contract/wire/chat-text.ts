/**
 * Chat bodies as bytes: the text of a client is passed on unchanged, escapes included, without being parsed into values
 * and encoded again.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const BLANK = 0x20;
const UNICODE_ESCAPE = 0x75;
const HEX_DIGITS = 4;

const CONTENT = Buffer.from('chat_content');
const TO = Buffer.from('chat_to');
const REF = Buffer.from('ref');
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

/** 1: in a string, the byte stands for itself; no quote, escape, control character or part of a longer one. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= BLANK && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH),
);

/**
 * Finds `chat_to` and `chat_content` in the body of a chat whose other members are all strings, on one line, as nearly
 * every client sends them. Anything else goes to a JSON parser; so do bodies with a `ref`. One scanner serves all
 * frames in turn: its fields hold until the next `scan`.
 */
export class ChatScanner {
  /** Where the id, or the list of ids, begins behind its quote or bracket; -1: none. */
  toStart = -1;
  toEnd = -1;
  toIsList = false;
  /** Where the JSON text of the content is, with its quotes. */
  contentStart = -1;
  contentEnd = -1;
  /** The whole body is ASCII. */
  isAscii = true;
  /** Of the string that was passed last. */
  #hasEscapes = false;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** Returns whether the body, these bytes, is of that kind and has a content. It must be UTF-8, which is not checked here. */
  scan(bytes: Buffer, start: number, end: number): boolean {
    this.toStart = -1;
    this.contentStart = -1;
    this.isAscii = true;
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    let at = skipBlanks(bytes, start, end);
    if (at >= end || bytes[at] !== OPEN) return false;
    do {
      const key = skipBlanks(bytes, at + 1, end);
      if (key >= end || bytes[key] !== QUOTE) return false;
      const keyEnd = this.#endOfString(bytes, key + 1, end);
      if (keyEnd < 0 || this.#hasEscapes) return false;
      const colon = skipBlanks(bytes, keyEnd + 1, end);
      if (colon >= end || bytes[colon] !== COLON) return false;
      const value = skipBlanks(bytes, colon + 1, end);
      const valueEnd = this.#take(bytes, key + 1, keyEnd, value, end);
      if (valueEnd < 0) return false;
      at = skipBlanks(bytes, valueEnd + 1, end);
    } while (at < end && bytes[at] === COMMA);
    return at < end && bytes[at] === CLOSE && skipBlanks(bytes, at + 1, end) === end && this.contentStart >= 0;
  }

  /** Returns where the value of a member ends; -1: it is not for the scanner. */
  #take(bytes: Buffer, key: number, keyEnd: number, value: number, end: number): number {
    if (value >= end) return -1;
    if (is(bytes, key, keyEnd, REF)) return -1;
    const isTo = is(bytes, key, keyEnd, TO);
    const isList = isTo && bytes[value] === OPEN_LIST;
    if (!isList && bytes[value] !== QUOTE) return -1;
    const valueEnd = isList ? this.#endOfList(bytes, value + 1, end) : this.#endOfString(bytes, value + 1, end);
    if (valueEnd < 0) return -1;
    if (isTo) {
      if (this.#hasEscapes) return -1;
      this.toStart = value + 1;
      this.toEnd = valueEnd;
      this.toIsList = isList;
    } else if (is(bytes, key, keyEnd, CONTENT)) {
      this.contentStart = value;
      this.contentEnd = valueEnd + 1;
    }
    return valueEnd;
  }

  /** Returns the position of the bracket after strings without escapes, or -1. */
  #endOfList(bytes: Buffer, from: number, end: number): number {
    let at = from - 1;
    do {
      const item = skipBlanks(bytes, at + 1, end);
      if (item >= end || bytes[item] !== QUOTE) return -1;
      const itemEnd = this.#endOfString(bytes, item + 1, end);
      if (itemEnd < 0 || this.#hasEscapes) return -1;
      at = skipBlanks(bytes, itemEnd + 1, end);
    } while (at < end && bytes[at] === COMMA);
    return at < end && bytes[at] === CLOSE_LIST ? at : -1;
  }

  /** Returns the position of the first byte that is not plain text, or `end`. Reads four bytes at a time. */
  #endOfPlain(bytes: Buffer, from: number, end: number): number {
    const view = this.#view;
    const { byteOffset } = bytes;
    let at = from;
    while (at + 4 <= end && isPlainText(view.getInt32(byteOffset + at))) at += 4;
    while (at < end && isPlain[bytes[at] as number] === 1) at += 1;
    return at;
  }

  /** Returns the position of the closing quote of the string that began before `from`, or -1. */
  #endOfString(bytes: Buffer, from: number, end: number): number {
    let at = from;
    this.#hasEscapes = false;
    for (;;) {
      at = this.#endOfPlain(bytes, at, end);
      if (at >= end) return -1;
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte < BLANK) return -1;
      if (byte === BACKSLASH) {
        this.#hasEscapes = true;
        at = endOfEscape(bytes, at + 1, end);
        if (at < 0) return -1;
      } else {
        this.isAscii = false;
        at += 1;
      }
    }
  }
}

/** The ids of a list that `ChatScanner` found, in order. The list becomes text as a whole: one call instead of one for each id. */
export function scannedIds(bytes: Buffer, start: number, end: number, isAscii: boolean): string[] {
  const list = bytes.toString(isAscii ? 'latin1' : 'utf8', start, end);
  const ids: string[] = [];
  let open = list.indexOf('"');
  while (open >= 0) {
    const close = list.indexOf('"', open + 1);
    ids.push(list.slice(open + 1, close));
    open = list.indexOf('"', close + 1);
  }
  return ids;
}

function skipBlanks(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] === BLANK) at += 1;
  return at;
}

/** Returns the position behind an escape that goes on at `at`, or -1. */
function endOfEscape(bytes: Buffer, at: number, end: number): number {
  const kind = at < end ? (bytes[at] as number) : 0;
  if (ESCAPES.has(kind)) return at + 1;
  if (kind !== UNICODE_ESCAPE || at + HEX_DIGITS >= end) return -1;
  for (let i = at + 1; i <= at + HEX_DIGITS; i += 1) if (!isHex(bytes[i] as number)) return -1;
  return at + 1 + HEX_DIGITS;
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** Whether these bytes are this name. */
function is(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) if (bytes[start + i] !== name[i]) return false;
  return true;
}

const EACH_HIGH = 0x80808080;
const EACH_ONE = 0x01010101;

/** Whether all four bytes are plain: for each, the highest bit of a difference says whether it is below (Hacker's Delight, 6-1). */
function isPlainText(four: number): boolean {
  const quotes = four ^ 0x22222222;
  const backslashes = four ^ 0x5c5c5c5c;
  const found =
    four | ((four - 0x20202020) & ~four) | ((quotes - EACH_ONE) & ~quotes) | ((backslashes - EACH_ONE) & ~backslashes);
  return (found & EACH_HIGH) === 0;
}
