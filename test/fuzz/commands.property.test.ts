import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyOf, isWithinDepth, parseSendCommand } from '../../contract/wire/commands.ts';
import { parseJson } from '../../shared/raw-json.ts';

const ids = fc.oneof(fc.string({ unit: 'binary', maxLength: 140 }), fc.constantFrom('__proto__', 'a:b', '', '\ud800'));
const commandId = fc.oneof(fc.constantFrom(102, 103, 104, 2_000, 2_999, 1, 105, 3_000, 102.5, -1), fc.anything());
const content = fc.oneof(fc.string({ unit: 'binary' }), fc.dictionary(ids, fc.jsonValue()), fc.jsonValue());
const envelope = fc.record(
  {
    command_id: commandId,
    chat_to: fc.oneof(ids, fc.array(ids, { maxLength: 5 }), fc.anything()),
    content,
    ttl_s: fc.oneof(fc.integer(), fc.double(), fc.anything()),
    receipt: fc.oneof(fc.boolean(), fc.anything()),
  },
  { requiredKeys: [] },
);

const goodId = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const nearlyGood = fc.record(
  {
    command_id: fc.constantFrom(102, 103, 104, 2_000),
    chat_to: fc.oneof(goodId, fc.array(goodId, { minLength: 1, maxLength: 4 })),
    content: fc.oneof(fc.string({ unit: 'binary' }), fc.dictionary(goodId, fc.jsonValue())),
    ttl_s: fc.integer({ min: 0, max: 100 }),
  },
  { requiredKeys: ['command_id', 'content'] },
);
const inputs = fc.oneof(
  { weight: 3, arbitrary: envelope },
  { weight: 3, arbitrary: nearlyGood },
  { weight: 1, arbitrary: fc.anything() },
);

test('any envelope is parsed without a throw, and an accepted one gives a body of exactly the right members', () => {
  let accepted = 0;
  fc.assert(
    fc.property(inputs, (input) => {
      const parsed = parseSendCommand(input);
      if (!parsed.success) return;
      accepted += 1;
      const command = parsed.data;
      const body: unknown = JSON.parse(bodyOf(command, 'o"p'));
      if (typeof command.content === 'string') {
        expect(body).toEqual({ chat_from: 'o"p', chat_content: JSON.parse(JSON.stringify(command.content)) });
      } else {
        expect(body).toEqual(JSON.parse(JSON.stringify(command.content)));
        expect(isWithinDepth(command.content, 32)).toBe(true);
      }
      for (const target of [command.chat_to ?? []].flat()) {
        const id = typeof target === 'string' ? target : target.group;
        expect(id.isWellFormed() && id.length > 0 && id.length <= 128).toBe(true);
      }
    }),
    { numRuns: 2_000, seed: 20_261_122 },
  );
  expect(accepted).toBeGreaterThan(100);
});

test('any JSON keeps its meaning on the way', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.stringify(JSON.parse(JSON.stringify(parseJson(text))))).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 1_000 },
  );
});
