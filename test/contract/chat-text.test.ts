import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChatScanner, fromWireText, wireText } from '../../contract/wire/chat-text.ts';

const scan = (json: string) => {
  const scanner = new ChatScanner();
  const found = scanner.scan(wireText(json));
  return found
    ? { to: scanner.to === undefined ? undefined : fromWireText(scanner.to), content: fromWireText(scanner.content) }
    : undefined;
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
        for (const json of [JSON.stringify(chat), pythonJson({ ...chat, chat_to: 'ascii' })]) {
          const found = scan(json);
          // A parser may take what the scanner leaves alone, never the other way round.
          if (found === undefined) return;
          expect(json).toContain(found.content);
          expect(JSON.parse(found.content)).toBe(content);
          expect(found.to).toBe(JSON.parse(json).chat_to);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('takes nothing that is no JSON: every damage to a body is left to the parser, or harmless', () => {
    const body = '{"chat_from": "a", "chat_to":"b" , "chat_content": "h\\u4f60 \\"q\\" \\\\"}';
    expect(scan(body)).toEqual({ to: 'b', content: '"h\\u4f60 \\"q\\" \\\\"' });
    fc.assert(
      fc.property(
        fc.nat(body.length - 1),
        fc.constantFrom('', '"', '\\', '{', '}', ',', ':', 'x', '\n', '\0'),
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
  });

  test.each([
    ['a ref', '{"chat_to":"b","chat_content":"x","ref":"1"}'],
    ['a list of recipients', '{"chat_to":["b"],"chat_content":"x"}'],
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

  test('of a name that comes twice the last counts, as in a parser', () => {
    expect(scan('{"chat_to":"a","chat_to":"b","chat_content":"x","chat_content":"y"}')).toEqual({
      to: 'b',
      content: '"y"',
    });
  });
});
