import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
  await system.user('ann');
});
afterAll(() => system.stop());

const created = z.object({ id: z.string(), token: z.string() });

test('a service token is made, listed without its secret, used within its scopes, and revoked', async () => {
  const made = created.parse(await system.json(['tokens', 'create', 'billing', '--scope', 'send', '--to', 'ann']));
  const listed = await system.run(['tokens', 'list']);
  expect(listed.stdout).toContain(made.id);
  expect(listed.stdout).not.toContain(made.token);

  const env = { FRONTTCP_TOKEN: made.token };
  expect((await system.run(['send', '--to', 'ann', 'hello'], { env })).code).toBe(0);
  expect((await system.run(['send', '--to', 'boss', 'hello'], { env })).code).toBe(4);
  expect((await system.run(['stats'], { env })).code).toBe(4);

  expect((await system.run(['tokens', 'revoke', made.id])).code).toBe(0);
  expect((await system.run(['tokens', 'revoke', made.id])).code).toBe(1);
  expect((await system.run(['send', '--to', 'ann', 'hello'], { env })).code).toBe(4);
});

test('an unknown scope is refused', async () => {
  expect((await system.run(['tokens', 'create', 'x', '--scope', 'everything'])).code).toBe(2);
  expect((await system.run(['tokens', 'create', 'x'])).code).toBe(2);
});
