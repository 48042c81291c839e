import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chatBody, sentAtMs, withId } from '../../contract/wire/message.ts';

test('the white space is what clients have always been sent', () => {
  expect(chatBody('"a"', '"b"')).toBe('{"chat_from": "a", "chat_content": "b"}');
  expect(withId('{"chat_from": "a", "chat_content": "b"}', '1781001000000000')).toBe(
    '{"chat_from": "a", "chat_content": "b", "id": "1781001000000000", "sent_at": 1739258789062}',
  );
});

test.each([
  ['{}', '{"id": "1024", "sent_at": 1}'],
  [' { } ', ' { "id": "1024", "sent_at": 1}'],
  ['{"a":{}}', '{"a":{}, "id": "1024", "sent_at": 1}'],
  ['{"a": "}"}\n', '{"a": "}", "id": "1024", "sent_at": 1}'],
])('id and sent_at stand beside the members of %j', (body, expected) => {
  expect(withId(body, '1024')).toBe(expected);
});

test('the text of a producer is kept: escapes and numbers stay as they were', () => {
  const body = String.raw`{"n": 12345678901234567890, "s": "\u4f60\/", "n": 1.0}`;
  expect(withId(body, '1').startsWith(body.slice(0, -1))).toBe(true);
});

test('any object keeps its members beside an id', () => {
  const members = fc.dictionary(
    fc.string().filter((name) => name !== 'id' && name !== 'sent_at' && name !== '__proto__'),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(members, fc.bigInt({ min: 1n, max: 2n ** 53n - 1n }), fc.constantFrom(0, 2), (content, id, indent) => {
      const parsed: unknown = JSON.parse(withId(JSON.stringify(content, null, indent), String(id)));
      expect(parsed).toEqual({
        ...(JSON.parse(JSON.stringify(content)) as object),
        id: String(id),
        sent_at: sentAtMs(String(id)),
      });
    }),
  );
});

test('an id holds its time, to the millisecond, until 2248', () => {
  for (const ms of [0, 1, Date.UTC(2026, 10, 22), Date.UTC(2248, 0, 1)]) {
    expect(Number.isSafeInteger(ms * 1_024 + 1_023)).toBe(true);
    expect(sentAtMs(String(ms * 1_024))).toBe(ms);
    expect(sentAtMs(String(ms * 1_024 + 1_023))).toBe(ms);
  }
});
