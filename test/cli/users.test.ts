import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyPassword } from '../../contract/store/passwords.ts';
import { ask } from '../../local/redis/ping.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

test('a password is stored as its hash alone', async () => {
  await system.user('hashed');
  const key = `${system.env.REDIS_KEY_PREFIX}user:hashed`;
  const stored = String(await ask(String(system.env.REDIS_URL), 'HGET', key, 'password'));
  expect(await verifyPassword('secret', stored)).toBe(true);
  expect(stored).not.toContain('secret');
});

test('users are added once, replaced with --replace, listed, shown and removed', async () => {
  const add = ['users', 'add', 'listed-1', '--password-stdin'];
  expect((await system.run(add, { input: 'a\n' })).code).toBe(0);
  const again = await system.run(add, { input: 'b\n' });
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('--replace');
  expect((await system.run([...add, '--replace', '--role', 'operator'], { input: 'b\n' })).code).toBe(0);
  expect(await system.json(['users', 'list', '--prefix', 'listed-'])).toMatchObject({
    users: [{ phone_number: 'listed-1', online: false, role: 'operator' }],
  });
  expect(await system.json(['users', 'show', 'listed-1'])).toMatchObject({ phone_number: 'listed-1', mailbox: 0 });
  expect((await system.run(['users', 'remove', 'listed-1'])).code).toBe(0);
  expect((await system.run(['users', 'remove', 'listed-1'])).code).toBe(1);
  expect((await system.run(['users', 'show', 'listed-1'])).code).toBe(1);
});

test('a group of commands alone is its list', async () => {
  expect((await system.run(['users'])).stdout).toMatch(/^USER ID/);
  expect(await system.json(['tokens'])).toEqual({ tokens: [] });
});

test('a list longer than a page is read to its end', async () => {
  const prefix = String(system.env.REDIS_KEY_PREFIX);
  const members = Array.from({ length: 1_200 }, (_, n) => ['0', `page-${String(n).padStart(4, '0')}`]).flat();
  await ask(String(system.env.REDIS_URL), 'ZADD', `${prefix}users`, ...members);
  const all = (await system.json(['users', 'list', '--prefix', 'page-', '--limit', '5000'])) as { users: unknown[] };
  expect(all.users).toHaveLength(1_200);
  const some = (await system.json(['users', 'list', '--prefix', 'page-', '--limit', '700'])) as { users: unknown[] };
  expect(some.users).toHaveLength(700);
  const inside = (await system.json(['users', 'list', '--contains', 'AGE-', '--limit', '5'])) as { users: unknown[] };
  expect(inside.users).toHaveLength(5);
  expect(await system.json(['users', 'list', '--contains', 'AGE-', '--online'])).toEqual({ users: [], cursor: null });
});

test('a removed user is disconnected and cannot come back', async () => {
  const token = await system.user('leaver');
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const ended = new Promise((resolve) => chat.once('close', resolve));
  await line(chat.stderr, /Connected/);
  expect((await system.run(['users', 'remove', 'leaver'])).code).toBe(0);
  expect(await ended).toBe(1);
  expect((await system.run(['connect'], { env: { FRONTTCP_TOKEN: token } })).code).toBe(4);
});

test('one waiting message of a user is deleted by its id', async () => {
  await system.user('bricked');
  await system.json(['send', 'too much for it', '--to', 'bricked']);
  const { messages } = (await system.json(['users', 'show', 'bricked'])) as { messages: { id: string }[] };
  const id = messages[0]?.id ?? '';
  expect(await system.json(['users', 'drop-message', 'bricked', id])).toEqual({ phone_number: 'bricked', id });
  expect(await system.json(['users', 'show', 'bricked'])).toMatchObject({ mailbox: 0, lost: 0 });
  await system.json(['send', 'again', '--to', 'bricked']);
  const cleared = await system.json(['users', 'clear-messages', 'bricked']);
  expect(cleared).toEqual({ phone_number: 'bricked', deleted: 1 });
  const again = await system.run(['users', 'drop-message', 'bricked', id]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('fronttcp users show bricked --json');
});

test('a disconnected user may come back, one whose token was revoked has to log in', async () => {
  const token = await system.user('kicked');
  expect(await system.json(['users', 'disconnect', 'kicked'])).toMatchObject({ disconnected: false, revoked: false });
  const chat = system.spawn(['connect', '--listen'], { FRONTTCP_TOKEN: token });
  const ended = new Promise((resolve) => chat.once('close', resolve));
  await line(chat.stderr, /Connected/);
  const revoked = await system.run(['users', 'disconnect', 'kicked', '--revoke']);
  expect(revoked.stdout).toBe('The token is revoked; the connection is being closed.\n');
  expect(await ended).toBe(1);
  const unknown = await system.run(['users', 'disconnect', 'nobody-there']);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('users list --prefix nob') });
}, 60_000);

/** The first line of a stream that matches. */
async function line(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  for await (const text of createInterface({ input: stream })) if (pattern.test(text)) return text;
  throw new Error(`it ended without ${pattern}`);
}
