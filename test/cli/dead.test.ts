import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { makeToken } from '../../contract/store/tokens.ts';
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

test('a retry of all that SIGTERM ends says how many are left', async () => {
  const letters = Array.from({ length: 1_000 }, (_, at) => ({
    ...{ id: `${at}-${'0'.repeat(16)}`, entry: 'x', bytes: 1, encoding: 'utf8', reason: null, at: null, chat_to: null },
  }));
  const api = createServer((request, response) => {
    const isList = request.method === 'GET';
    if (!isList) run.kill('SIGTERM');
    const members = isList ? { letters, total: letters.length, cursor: null } : {};
    response.end(JSON.stringify({ code: 1, message: 'done', ...members }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void api.close());
  await once(api, 'listening');
  const { port } = api.address() as AddressInfo;
  const env = { FRONTTCP_API: `http://127.0.0.1:${port}`, FRONTTCP_TOKEN: makeToken('boss') };
  const run = system.spawn(['dead', 'retry', '--all'], env);
  const errors = text(run.stderr);
  expect(await once(run, 'close')).toEqual([130, null]);
  expect(await errors).toMatch(/interrupted: \d+ of 1,000 letters are left/);
});

test('retrying nothing, or some and all, is refused', async () => {
  expect((await system.run(['dead', 'retry'])).code).toBe(2);
  expect((await system.run(['dead', 'retry', 'x', '--all'])).code).toBe(2);
});
