/**
 * Chat bodies as bytes: text whose characters are the bytes of the UTF-8 (latin1, in Node's words). The text of a
 * client is passed on unchanged, escapes included, without being parsed into values and encoded again.
 */
export type WireText = string;

const CONTROL = /[^\x20-\xff]/;
const BEYOND_PRINTABLE_ASCII = /[^\x20-\x7f]/;
const ESCAPED_STRING = /(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const BLANK = 0x20;

/**
 * Finds `chat_to` and `chat_content` in the body of a chat whose members are all strings, on one line, as nearly
 * every client sends them. Anything else goes to a JSON parser; so do bodies with a `ref`. One scanner serves all
 * frames in turn: its fields hold until the next `scan`.
 */
export class ChatScanner {
  /** The id, or undefined where there is none. */
  to: WireText | undefined;
  /** JSON text of the string, with its quotes. */
  content: WireText = '';
  /** The whole body is ASCII. */
  isAscii = true;

  /** Returns whether the body is of that kind and has a content. It must be UTF-8, which is not checked here. */
  scan(text: WireText): boolean {
    this.to = undefined;
    this.content = '';
    this.isAscii = !BEYOND_PRINTABLE_ASCII.test(text);
    if (!this.isAscii && CONTROL.test(text)) return false;
    const hasEscapes = text.includes('\\');
    let at = skipBlanks(text, 0);
    if (text.charCodeAt(at) !== OPEN) return false;
    do {
      const key = skipBlanks(text, at + 1);
      const keyEnd = text.charCodeAt(key) === QUOTE ? endOfString(text, key + 1, hasEscapes) : -1;
      if (keyEnd < 0) return false;
      const colon = skipBlanks(text, keyEnd + 1);
      const value = skipBlanks(text, colon + 1);
      if (text.charCodeAt(colon) !== COLON || text.charCodeAt(value) !== QUOTE) return false;
      const valueEnd = endOfString(text, value + 1, hasEscapes);
      if (valueEnd < 0 || !this.#take(text, key + 1, keyEnd, value, valueEnd)) return false;
      at = skipBlanks(text, valueEnd + 1);
    } while (text.charCodeAt(at) === COMMA);
    return text.charCodeAt(at) === CLOSE && skipBlanks(text, at + 1) === text.length && this.content !== '';
  }

  /** Returns whether the fast path can handle a member. */
  #take(text: WireText, key: number, keyEnd: number, value: number, valueEnd: number): boolean {
    if (text.startsWith(CONTENT, key)) this.content = text.slice(value, valueEnd + 1);
    else if (text.startsWith(TO, key)) {
      this.to = text.slice(value + 1, valueEnd);
      return !this.to.includes('\\');
    } else if (text.startsWith(FROM, key)) return true;
    else if (text.startsWith(REF, key)) return false;
    return !text.slice(key, keyEnd).includes('\\');
  }
}

const CONTENT = 'chat_content"';
const TO = 'chat_to"';
const FROM = 'chat_from"';
const REF = 'ref"';

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === BLANK) at += 1;
  return at;
}

/** Returns the position of the closing quote of the string that began before `from`, or -1. */
function endOfString(text: string, from: number, hasEscapes: boolean): number {
  if (!hasEscapes) return text.indexOf('"', from);
  ESCAPED_STRING.lastIndex = from;
  return ESCAPED_STRING.test(text) ? ESCAPED_STRING.lastIndex - 1 : -1;
}

/** Returns the UTF-8 bytes of a text, one character per byte. The text must have no lone surrogates. */
export function wireText(text: string): WireText {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

export function fromWireText(text: WireText): string {
  return isAscii(text) ? text : Buffer.from(text, 'latin1').toString();
}

const BEYOND_ASCII = /[^\0-\x7f]/;
export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}
