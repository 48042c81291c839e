import { expect, it } from 'vitest';
import {
  entriesOf,
  listOf,
  numberOf,
  numbersOf,
  rowsOf,
  textOf,
  textOrNone,
  textsOf,
  tupleOf,
  wordOf,
} from '../../contract/store/redis-reply.ts';
import type { RedisReply } from '../../shared/redis/port.ts';

type Row = readonly [
  name: string,
  read: (reply: RedisReply) => unknown,
  right: RedisReply,
  wrong: RedisReply,
  why: string,
];
const rows: readonly Row[] = [
  ['a text', textOf, '', 1, 'a number in place of a text'],
  ['a text or none', textOrNone, 'x', [], 'a list in place of a text'],
  ['a number', numberOf, 0, '0', 'a string in place of a number'],
  ['a list', listOf, [null], null, 'nil in place of a list'],
  ['texts', textsOf, ['a', 'b'], ['secret', null], 'nil in place of a text'],
  ['numbers', numbersOf, [], [1, 'secret'], 'a string in place of a number'],
  ['rows', rowsOf, [['a'], []], [['a'], 'secret'], 'a string in place of a list'],
  ['entries', entriesOf, [['1-0', ['a', 'b']]], [['1-0']], 'nothing in place of a list'],
  ['a word', (reply) => wordOf(reply, ['done', 'gone']), 'gone', 'secret', 'a string in place of done or gone'],
  ['a tuple', (reply) => tupleOf(reply, 'text', 'number'), ['x', 1], ['secret'], 'nothing in place of a number'],
];

it.each(rows)('%s is read, and another reply is refused without its value', (_name, read, right, wrong, why) => {
  expect(read(right)).toEqual(right);
  expect(() => read(wrong)).toThrow(new Error(`a reply of Redis has ${why}`));
});

it('a field that does not exist is none, and elements after those of a tuple are left out', () => {
  expect([textOrNone(null), textOrNone(undefined)]).toEqual([undefined, undefined]);
  expect(tupleOf(['x', 1, 2], 'text', 'number')).toEqual(['x', 1]);
});
