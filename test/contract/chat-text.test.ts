import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChatScanner, scannedIds } from '../../contract/wire/chat-text.ts';

/** The body stands between other bytes, as in a chunk of many frames. */
const scan = (json: string) => {
  const scanner = new ChatScanner();
  const body = Buffer.from(json);
  const bytes = Buffer.concat([Buffer.from(' "'), body, Buffer.from('"} ')]);
  if (!scanner.scan(bytes, 2, 2 + body.length)) return undefined;
  const { toStart, toEnd, toIsList, contentStart, contentEnd, isAscii } = scanner;
  const to = toIsList ? scannedIds(bytes, toStart, toEnd, isAscii) : bytes.toString('utf8', toStart, toEnd);
  return { to: toStart < 0 ? undefined : to, content: bytes.toString('utf8', contentStart, contentEnd) };
};

/** As Python writes it: everything beyond ASCII escaped, blanks after `:` and `,`. */
const pythonJson = (value: Record<string, string>): string =>
  `{${Object.entries(value)
    .map(([name, text]) => `${asciiJson(name)}: ${asciiJson(text)}`)
    .join(', ')}}`;
const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const plainId = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((id) => JSON.stringify(id) === `"${id}"`);

describe('the scanner of chats', () => {
  test('finds what a JSON parser finds, and keeps the content as it was written', () => {
    fc.assert(
      fc.property(plainId, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (to, content, from) => {
        const chat = { chat_from: from, chat_to: to, chat_content: content };
        const group = { ...chat, chat_to: [to, 'b', to] };
        for (const json of [JSON.stringify(chat), JSON.stringify(group), pythonJson({ ...chat, chat_to: 'ascii' })]) {
          const found = scan(json);
          // A parser may take what the scanner leaves alone, never the other way round.
          if (found === undefined) return;
          expect(json).toContain(found.content);
          expect(JSON.parse(found.content)).toBe(content);
          expect(found.to).toEqual(JSON.parse(json).chat_to);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['one', '"b"', 'b'],
    ['many', '[ "b","c" , "d"]', ['b', 'c', 'd']],
  ])(
    'takes nothing that is no JSON: every damage to a body for %s is left to the parser, or harmless',
    (_, list, to) => {
      const body = `{"chat_from": "a", "chat_to":${list} , "chat_content": "h\\u4f60 \\"q\\" \\\\"}`;
      expect(scan(body)).toEqual({ to, content: '"h\\u4f60 \\"q\\" \\\\"' });
      fc.assert(
        fc.property(
          fc.nat(body.length - 1),
          fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', 'x', '\n', '\0'),
          (at, put) => {
            const damaged = body.slice(0, at) + put + body.slice(at + 1);
            const found = scan(damaged);
            if (found === undefined) return;
            const parsed = JSON.parse(damaged) as Record<string, unknown>;
            expect([parsed.chat_to, parsed.chat_content]).toEqual([found.to, JSON.parse(found.content)]);
          },
        ),
        { numRuns: 2_000 },
      );
    },
  );

  test('each byte at each place of a content is taken as a parser takes it', () => {
    for (let byte = 0; byte < 0x80; byte += 1) {
      for (let at = 0; at < 12; at += 1) {
        const content = `${'x'.repeat(at)}${String.fromCharCode(byte)}${'x'.repeat(12 - at)}`;
        const json = `{"chat_to": "b", "chat_content": "${content}"}`;
        const isPlain = JSON.stringify(content) === `"${content}"`;
        expect(scan(json)).toEqual(isPlain ? { to: 'b', content: `"${content}"` } : undefined);
      }
    }
  });

  test.each([
    ['a ref', '{"chat_to":"b","chat_content":"x","ref":"1"}'],
    ['an empty list', '{"chat_to":[],"chat_content":"x"}'],
    ['a list with a number', '{"chat_to":["b",1],"chat_content":"x"}'],
    ['a list in a list', '{"chat_to":[["b"]],"chat_content":"x"}'],
    ['an escaped id in a list', '{"chat_to":["\\u0062"],"chat_content":"x"}'],
    ['a list that is not closed', '{"chat_to":["b","chat_content":"x"}'],
    ['a list elsewhere', '{"chat_from":["b"],"chat_content":"x"}'],
    ['an escape that is cut off', '{"chat_content":"\\u4f6'],
    ['an escaped id', '{"chat_to":"\\u0062","chat_content":"x"}'],
    ['an escaped name', '{"chat\\u005fto":"b","chat_content":"x"}'],
    ['no content', '{"chat_to":"b"}'],
    ['a content that is no string', '{"chat_to":"b","chat_content":1}'],
    ['something behind', '{"chat_to":"b","chat_content":"x"}}'],
    ['a comma before the end', '{"chat_to":"b","chat_content":"x",}'],
    ['a false escape', '{"chat_to":"b","chat_content":"\\x"}'],
    ['a bare control character', '{"chat_to":"b","chat_content":"\t"}'],
    ['nothing', ''],
  ])('leaves a body with %s to the parser', (_, json) => {
    expect(scan(json)).toBeUndefined();
  });

  test('the last of two members with one name counts, as in a parser', () => {
    expect(scan('{"chat_to":"a","chat_to":"b","chat_content":"x","chat_content":"y"}')).toEqual({
      to: 'b',
      content: '"y"',
    });
  });
});
