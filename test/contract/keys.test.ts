import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellOf, hashTag, keysOf } from '../../contract/store/keys.ts';

test('the two keys that others write have not changed', () => {
  const keys = keysOf('');
  expect(keys.user('13565208554')).toBe('user:13565208554');
  expect(keys.queue).toBe('front_tcp');
  expect(keys.queueDead).toBe('front_tcp:dead');
});

test('every key begins with the prefix', () => {
  for (const [name, key] of Object.entries(keysOf('{f}:') as unknown as Record<string, unknown>)) {
    const made: unknown = typeof key === 'function' ? (key as (...parts: string[]) => string)('a', 'b') : key;
    expect(made, name).toMatch(/^\{f\}:/);
  }
});

describe('an id of one kind never gives a key of another', () => {
  test('idempotency keys: user a with key b:c is not user a:b with key c', () => {
    const { idempotency } = keysOf('');
    expect(idempotency('a', 'b:c')).not.toBe(idempotency('a:b', 'c'));
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (u1, k1, u2, k2) => {
        fc.pre(u1.isWellFormed() && u2.isWellFormed() && (u1 !== u2 || k1 !== k2));
        expect(idempotency(u1, k1)).not.toBe(idempotency(u2, k2));
      }),
    );
  });

  test('user ids', () => {
    const keys = keysOf('');
    const others = [keys.users, keys.gateways, keys.queue, keys.events, keys.stats, keys.inbox('x'), keys.mailbox('x')];
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(others).not.toContain(keys.user(id));
        expect(keys.mailbox(id)).not.toBe(keys.user(id));
      }),
    );
  });
});

test('the part that decides the slot in a cluster', () => {
  expect(hashTag('{fronttcp}:')).toBe('fronttcp');
  expect(hashTag('a{b}c')).toBe('b');
  for (const prefix of ['', 'fronttcp:', '{}', '{', '}{', '{}{a}']) {
    // What Redis hashes for an empty tag is the whole key.
    expect([undefined, 'a'], prefix).toContain(hashTag(prefix));
  }
  expect(hashTag('{}')).toBeUndefined();
});

test('cells have prefixes, and so slots, of their own; cell 0 has the public one', () => {
  expect(keysOf('{f}:', 0).prefix).toBe('{f}:');
  expect(keysOf('{f}:', 2).prefix).toBe('{f.2}:');
  expect(keysOf('f:', 2).prefix).toBe('f:cell2:');
});

test('the cell of a user is the same in every part and language: FNV-1a over UTF-8', () => {
  expect(cellOf('', 1_000)).toBe(0x811c9dc5 % 1_000);
  expect(cellOf('a', 1_000)).toBe(0xe40c292c % 1_000);
  expect(cellOf('foobar', 1_000)).toBe(0xbf9cf968 % 1_000);
  expect(cellOf('anyone', 1)).toBe(0);
  fc.assert(fc.property(fc.string(), fc.integer({ min: 1, max: 64 }), (id, cells) => cellOf(id, cells) < cells));
});
