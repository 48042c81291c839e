/**
 * What JSON, UTF-8 and 64-bit senders can produce, and what becomes of it at each of the four doors: `same`, it reaches the
 * recipient as it was sent, or `refused`. The tables in docs/protocol.md ("Odd texts and numbers") are these.
 */
export type Fate = 'same' | 'refused';

export interface OddText {
  readonly name: string;
  /** The JSON text of a string; bytes where it is not UTF-8. */
  readonly json: string | Buffer;
  readonly tcp: Fate;
  readonly http: Fate;
  readonly queue: Fate;
  readonly upstream: Fate;
}

const everywhere = { tcp: 'same', http: 'same', queue: 'same', upstream: 'same' } as const;
const nowhere = { tcp: 'refused', http: 'refused', queue: 'refused', upstream: 'refused' } as const;

export const oddTexts: readonly OddText[] = [
  { name: 'empty', json: '""', tcp: 'same', http: 'refused', queue: 'same', upstream: 'refused' },
  { name: 'U+0000, escaped', json: '"a\\u0000b"', ...everywhere },
  { name: 'U+FEFF in front', json: '"\ufeffx"', ...everywhere },
  { name: 'U+2028', json: '"a\u2028b"', ...everywhere },
  { name: 'U+007F', json: '"\x7f"', ...everywhere },
  { name: 'beyond 16 bits', json: '"😀名"', ...everywhere },
  { name: 'the same, as escapes', json: '"\\ud83d\\ude00\\u540d"', ...everywhere },
  { name: 'escapes of all kinds', json: '"\\"\\\\\\/\\b\\f\\n\\r\\t"', ...everywhere },
  { name: 'digits', json: '"9007199254740993"', ...everywhere },
  { name: 'JSON in a string', json: '"{\\"id\\": 1}"', ...everywhere },
  { name: 'half a surrogate pair, escaped', json: '"\\ud800"', ...everywhere, queue: 'refused' },
  { name: 'a control character, not escaped', json: '"a\u0001b"', ...nowhere, queue: 'same' },
  { name: 'bytes that are not UTF-8', json: Buffer.from([0x22, 0xff, 0x22]), ...nowhere },
];

/** In application messages, which alone carry numbers: from a device to the function, over HTTP, from the function. */
export const oddNumbers: readonly { readonly name: string; readonly json: string; readonly arrives: string }[] = [
  { name: 'a 64-bit integer', json: '9007199254740993', arrives: '9007199254740993' },
  { name: 'the largest 64-bit integer', json: '18446744073709551615', arrives: '18446744073709551615' },
  { name: 'one beyond doubles', json: '1e400', arrives: '1e400' },
  { name: 'a fraction', json: '0.1', arrives: '0.1' },
  { name: 'a whole number as a fraction', json: '1.0', arrives: '1' },
];
