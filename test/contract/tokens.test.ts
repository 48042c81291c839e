import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeToken, tokenAtRest, tokenMatches, userIdOfToken } from '../../contract/store/tokens.ts';

test('a token carries its user and 256 random bits, and is never the same', () => {
  const token = makeToken('13565208554');
  expect(token).toMatch(/^[\w-]+\.[\w-]{43}$/);
  expect(userIdOfToken(token)).toBe('13565208554');
  expect(new Set(Array.from({ length: 1_000 }, () => makeToken('u'))).size).toBe(1_000);
});

test('any id can be read back from its token', () => {
  const ids = fc.string({ minLength: 1, unit: 'grapheme' }).filter((id) => id.isWellFormed());
  fc.assert(fc.property(ids, (id) => userIdOfToken(makeToken(id)) === id));
});

test.each(['', '.', 'a', 'a.', '.b', 'a.b.c', 'ü.b', 'a b.c', '=.b'])('%j is not a valid token', (text) => {
  expect(userIdOfToken(text)).toBeUndefined();
});

describe('a token matches', () => {
  const token = makeToken('u');

  test('its digest, and itself where other login code has stored it', () => {
    expect(tokenAtRest('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(tokenMatches(token, tokenAtRest(token))).toBe(true);
    expect(tokenMatches('plain', 'plain')).toBe(true);
  });

  test('and nothing else: the digest is not a password, and an empty field matches nothing', () => {
    expect(tokenMatches(tokenAtRest(token), tokenAtRest(token))).toBe(false);
    expect(tokenMatches(makeToken('u'), tokenAtRest(token))).toBe(false);
    expect(tokenMatches(`${token} `, tokenAtRest(token))).toBe(false);
    expect(tokenMatches('', tokenAtRest(token))).toBe(false);
    expect(tokenMatches('sha256:', 'sha256:')).toBe(false);
    expect(tokenMatches('x', 'sha256:x')).toBe(false);
  });
});
