import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../../local/redis/ping.ts';
import { until } from '../kit/until.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
});
afterAll(() => system.stop());

const redis = (command: string, key: string, ...args: string[]) =>
  ask(String(system.env.REDIS_URL), command, `${system.env.REDIS_KEY_PREFIX}${key}`, ...args);

const listed = z.object({ letters: z.array(z.object({ id: z.string(), reason: z.string() })), total: z.number() });

/** Dead letters for these users, whom nobody knows, the first the oldest. */
async function deadLettersTo(...users: string[]): Promise<string[]> {
  for (const user of users) {
    const entry = { command_id: 102, chat_from: 'x', chat_to: [user], chat_content: 'hi' };
    await redis('LPUSH', 'front_tcp', JSON.stringify(entry));
  }
  await until('they are dead', async () => Number(await redis('LLEN', 'front_tcp:dead')) === users.length, {
    timeoutMs: 20_000,
  });
  const { letters } = listed.parse(await system.json(['dead', 'list']));
  return letters.map(({ id }) => id).reverse();
}

test('a dead letter is listed with its reason, retried once its recipient is known, and then gone', async () => {
  const [id = ''] = await deadLettersTo('late-comer');
  expect((await system.run(['dead'])).stdout).toMatch(
    new RegExp(`${id} .*unknown recipients: late-comer .*"command_id":102`),
  );
  await system.user('late-comer');
  expect(await system.json(['dead', 'retry', id])).toEqual({ retried: [id], gone: [] });
  const isDelivered = async () => Number(await redis('ZCARD', 'mailbox:late-comer')) === 1;
  await until('it is delivered', isDelivered, { timeoutMs: 20_000 });
  expect((await system.run(['dead', 'list'])).stdout).toBe('There is no dead letter.\n');
  const again = await system.run(['dead', 'retry', id]);
  expect(again.code).toBe(1);
  expect(again.stdout).toContain('1 were gone already');
}, 90_000);

test('one is deleted by its id, all of them only with --yes', async () => {
  const [first = '', second, third] = await deadLettersTo('gone-1', 'gone-2', 'gone-3');
  expect(await system.json(['dead', 'delete', first])).toEqual({ deleted: [first], gone: [] });
  const careless = await system.run(['dead', 'delete', '--all']);
  expect(careless.code).toBe(2);
  expect(careless.stderr).toContain('--yes');
  const all = z.object({ deleted: z.array(z.string()) }).parse(await system.json(['dead', 'delete', '--all', '--yes']));
  expect(all.deleted).toHaveLength([second, third].length);
  expect(await system.json(['dead', 'list'])).toEqual({ letters: [], total: 0 });
}, 90_000);

test('retrying nothing, or some and all, is refused', async () => {
  expect((await system.run(['dead', 'retry'])).code).toBe(2);
  expect((await system.run(['dead', 'retry', 'x', '--all'])).code).toBe(2);
});
