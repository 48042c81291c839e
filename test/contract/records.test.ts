import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headRest, type MessageHead, parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';

const head: MessageHead = {
  id: '1781001000000000',
  commandId: 102,
  version: 1_100,
  expiresAtMs: 0,
  flags: 'r',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};
const headText = `"${head.id}",${headRest(head)}`;

test('a message for some, of whom one acknowledges', () => {
  const body = '{"chat_from": "a", "chat_content": "]\\n"}';
  expect(parseInboxRecord(`["m",${headText},["123",1,"b:c",9007199254740991],["d",3]]`, body)).toEqual({
    kind: 'message',
    head,
    body,
    inboxOnly: [
      { userId: '123', epoch: 1 },
      { userId: 'b:c', epoch: 9_007_199_254_740_991 },
    ],
    alsoInMailbox: [{ userId: 'd', epoch: 3 }],
  });
});

test('a chat to one user reads the same as its longer forms, whatever the user is called', () => {
  const chat = { ...head, flags: '', traceparent: '' };
  const text = `"${chat.id}",${headRest(chat)}`;
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.string(), (userId, epoch, body) => {
      const recipient = `[${JSON.stringify(userId)},${epoch}]`;
      const record = { kind: 'message', head: chat, body, inboxOnly: [{ userId, epoch }], alsoInMailbox: [] };
      expect(parseInboxRecord(`["m",${text},${recipient},[]]`, body)).toEqual(record);
      expect(parseInboxRecord(`["m",${text},${recipient},${recipient}]`, body)).toEqual({
        ...record,
        alsoInMailbox: record.inboxOnly,
      });
    }),
  );
});

test('a message for everyone', () => {
  expect(parseInboxRecord(`["m",${headText},"*",[]]`, '{}')).toMatchObject({
    inboxOnly: 'everyone',
    alsoInMailbox: [],
  });
  expect(parseInboxRecord(`["m",${headText},"*",[],"9fe2c1",12]`, '{}')).toMatchObject({
    head: { ...head, direct: { origin: '9fe2c1', number: 12 } },
    inboxOnly: 'everyone',
  });
});

test('an empty list as Lua writes it is an empty list', () => {
  expect(parseInboxRecord(`["m",${headText},[],[]]`, '{}')).toMatchObject({ inboxOnly: [], alsoInMailbox: [] });
});

test('the end of a session, and the notice that a mailbox was written', () => {
  expect(parseInboxRecord('["c","u",7,"taken_over",1]', '')).toEqual({
    kind: 'close',
    userId: 'u',
    epoch: 7,
    reason: 'taken_over',
    successorWaits: true,
  });
  expect(parseInboxRecord('["c","u",7,"kicked",0]', '')).toMatchObject({ successorWaits: false });
  expect(parseInboxRecord('["p","u",7]', '')).toEqual({ kind: 'mailbox', userId: 'u', epoch: 7 });
  expect(parseInboxRecord('["s"]', '')).toEqual({ kind: 'clock set' });
});

describe('an unknown record is refused', () => {
  test.each([
    '',
    'x',
    'null',
    '{}',
    '[]',
    '["x"]',
    '["m"]',
    `["m",${headText},"?",[]]`,
    `["m",${headText},[{}],[]]`,
    '["c","u","7","kicked",0]',
    '["m","1781001000000000",102,1100,0,"","",["u","1"],[]]',
    '["m","1781001000000000",102,1100,0,"","",["u",-1],[]]',
    '["m","1781001000000000",102,1100,0,"","",["u",1]]',
    '["p",1,7]',
    '["p","u",-1]',
    '["p","u",1.5]',
    '["p","u",7,8]',
  ])('%s', (field) => {
    expect(() => parseInboxRecord(field, '')).toThrow();
  });
});

test('any message keeps ids as text and its body in the mailbox', () => {
  const anyHead = fc.record({
    id: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map(String),
    commandId: fc.integer({ min: 102, max: 2_999 }),
    version: fc.nat(0xffff_ffff),
    expiresAtMs: fc.nat(Number.MAX_SAFE_INTEGER),
    flags: fc.constantFrom('', 'r'),
    traceparent: fc.string(),
  });
  fc.assert(
    fc.property(anyHead, fc.string(), (any, body) => {
      expect(parseMailboxMember(`["${any.id}",${headRest(any)}]\n${body}`)).toEqual({ head: any, body });
    }),
  );
});
