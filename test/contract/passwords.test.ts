import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashPassword, verifyPassword } from '../../contract/store/passwords.ts';

const stored = await hashPassword('123456');

test('a password is stored as scrypt with its parameters, salted anew each time', async () => {
  expect(stored).toMatch(/^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  expect(await hashPassword('123456')).not.toBe(stored);
  const [, , , , salt = '', hash] = stored.split('$');
  expect(scryptSync('123456', Buffer.from(salt, 'base64url'), 32).toString('base64url')).toBe(hash);
});

test('only the password itself is accepted', async () => {
  expect(await verifyPassword('123456', stored)).toBe(true);
  expect(await verifyPassword('1234567', stored)).toBe(false);
  expect(await verifyPassword('', stored)).toBe(false);
});

test('a password typed composed is the one typed decomposed', async () => {
  expect(await verifyPassword('cafe\u0301', await hashPassword('caf\u00e9'))).toBe(true);
});

test('other parameters within the bounds are honoured', async () => {
  const salt = Buffer.alloc(16, 7);
  const hash = scryptSync('x', salt, 32, { N: 1024, r: 4, p: 2 });
  const older = `scrypt$1024$4$2$${salt.toString('base64url')}$${hash.toString('base64url')}`;
  expect(await verifyPassword('x', older)).toBe(true);
});

const salt = 'A'.repeat(22);
const hash = 'A'.repeat(43);
test.each([
  ['no user', undefined],
  ['nothing', ''],
  ['plain text', '123456'],
  ['memory of a terabyte', `scrypt$67108864$128$1$${salt}$${hash}`],
  ['hours of work', `scrypt$16384$8$255$${salt}$${hash}`],
  ['N no power of two', `scrypt$16385$8$1$${salt}$${hash}`],
  ['N of one', `scrypt$1$8$1$${salt}$${hash}`],
  ['r of nought', `scrypt$16384$0$1$${salt}$${hash}`],
  ['an empty hash', `scrypt$16384$8$1$${salt}$`],
])('%s is refused in the time of a wrong password', async (_, text) => {
  const wrong = await timed(() => verifyPassword('wrong', stored));
  const refused = await timed(() => verifyPassword('123456', text));
  expect(refused.answer).toBe(false);
  // A refusal without the derivation would take under 1 % of it, the costliest 255 times as long; a loaded machine needs the slack.
  expect(refused.ms).toBeGreaterThan(wrong.ms / 10);
  expect(refused.ms).toBeLessThan(wrong.ms * 50);
});

/** The shortest of three times: a loaded machine holds some of them up. */
async function timed(check: () => Promise<boolean>): Promise<{ answer: boolean; ms: number }> {
  let [answer, ms] = [false, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 3; i += 1) {
    const start = performance.now();
    answer = await check();
    ms = Math.min(ms, performance.now() - start);
  }
  return { answer, ms };
}
