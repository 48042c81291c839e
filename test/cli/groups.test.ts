import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../../local/redis/ping.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
  await Promise.all(['ann', 'bob'].map((id) => system.user(id)));
});
afterAll(() => system.stop());

const mailboxOf = async (id: string): Promise<number> =>
  Number(await ask(String(system.env.REDIS_URL), 'ZCARD', `${system.env.REDIS_KEY_PREFIX}mailbox:${id}`));

test('a group is filled, shown, sent to, emptied and deleted', async () => {
  expect(await system.json(['groups', 'add', 'pumps', 'ann', 'bob', 'ghost'])).toEqual({ group: 'pumps', members: 3 });
  expect(await system.json(['groups'])).toEqual({ groups: ['pumps'], cursor: null });
  expect((await system.run(['groups', 'show', 'pumps'])).stdout).toBe('ann\nbob\nghost\n');
  const short = await system.run(['groups', 'show', 'pumps', '--limit', '2']);
  expect(short.stdout).toBe('ann\nbob\n');
  expect(short.stderr).toContain('3 in all');

  const sent = z.object({ id: z.string(), recipients: z.object({ members: z.number() }) });
  expect(sent.parse(await system.json(['send', '--group', 'pumps', 'hello'])).recipients).toEqual({ members: 3 });
  expect(await mailboxOf('bob')).toBe(1);
  expect(await system.json(['groups', 'remove', 'pumps', 'ghost', 'bob'])).toEqual({ group: 'pumps', members: 1 });
  expect(await system.json(['groups', 'delete', 'pumps'])).toEqual({ group: 'pumps' });
  const gone = await system.run(['groups', 'show', 'pumps']);
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('fronttcp groups list')]);
});

test('a send to a group is followed: the states are counted, and those who will not get it are named', async () => {
  await system.json(['groups', 'add', 'mixed', 'ann', 'ghost']);
  const run = await system.run(['send', '--group', 'mixed', '--receipt', '--wait', '1', 'hello']);
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('to the group mixed');
  expect(run.stdout).toContain('Members 2: stored 1, failed 1');
  expect(run.stdout).toMatch(/ghost +.*unknown_user/);
  expect(run.stdout).not.toContain('ann ');
});

test('a file with more than a thousand members is put in and listed whole', async () => {
  const file = join(system.home, 'many.txt');
  const ids = Array.from({ length: 2_100 }, (_, at) => `pump-${String(at).padStart(4, '0')}`);
  await writeFile(file, `# pumps\n${ids.join('\n')}\n`);
  expect(await system.json(['groups', 'add', 'many', '--file', file])).toEqual({ group: 'many', members: 2_100 });
  const shown = z
    .object({ size: z.number(), members: z.array(z.string()), cursor: z.string().nullable() })
    .parse(await system.json(['groups', 'show', 'many', '--limit', '5000']));
  expect([shown.size, shown.cursor, new Set(shown.members).size]).toEqual([2_100, null, 2_100]);
});

test.each([
  ['nobody to add', ['groups', 'add', 'g']],
  ['ids and a file', ['groups', 'add', 'g', 'ann', '--file', '-']],
  ['a group beside a recipient', ['send', '--group', 'g', '--to', 'ann', 'hi']],
  ['two times', ['send', '--to', 'ann', '--at', '1800000000', '--in', '5', 'hi']],
  ['a time that is none', ['send', '--to', 'ann', '--at', 'soon', 'hi']],
  ['--if-away-fail for several', ['send', '--to', 'ann,bob', '--if-away-fail', 'hi']],
  ['nothing to take back', ['commands', 'cancel']],
])('%s is a usage error', async (_, args) => {
  expect((await system.run(args)).code).toBe(2);
});

test('what is wrong with user ids beside a file is named', async () => {
  const run = await system.run(['groups', 'remove', 'g', 'ann', '--file', '-']);
  expect(run.stderr).toContain('user ids and --file cannot be combined');
});

test('the API names what is wrong with a group, a time and a condition, and the exit code is 1', async () => {
  const wordOf = async (...args: string[]) => {
    const run = await system.run([...args, '--json']);
    return [run.code, JSON.parse(run.stderr).error];
  };
  expect(await wordOf('groups', 'add', 'a b', 'ann')).toEqual([1, 'bad_group_name']);
  expect(await wordOf('send', '--group', 'none', 'hi')).toEqual([1, 'unknown_group']);
  expect(await wordOf('send', '--to', 'ann', '--at', '2020-01-01T00:00Z', 'hi')).toEqual([1, 'not_before_past']);
  expect(await wordOf('send', '--to', 'ann', '--at', '2100-01-01T00:00Z', 'hi')).toEqual([1, 'not_before_far']);
  expect(await wordOf('send', '--to', 'ann', '--if-away-fail', 'hi')).toEqual([1, 'away']);
  expect(await wordOf('commands', 'cancel', '1')).toEqual([1, 'no_such_command']);
});

test('a command with a time is scheduled, a newer one with its key replaces it, and cancel stops it', async () => {
  await system.user('cy');
  const send = (...more: string[]) => system.json(['send', '--to', 'cy', '--in', '600', ...more]);
  const first = z.object({ id: z.string() }).parse(await send('--replaces', 'level', 'one'));
  const at = ['--at', String(Math.ceil(Date.now() / 1_000) + 600)];
  const second = ['send', '--to', 'cy', ...at, '--replaces', 'level', '--idempotency-key', 'k', 'two'];
  expect(await system.json(second)).toMatchObject({ recipients: { scheduled: 1, stored: 0 } });
  const replaced = await system.run(['commands', 'show', first.id]);
  expect(replaced.stdout).toMatch(/cy +.*replaced/);
  expect(await system.json(['commands', 'cancel', '--idempotency-key', 'k'])).toEqual({ cancelled: 1, too_late: 0 });
  expect((await system.run(['commands', 'cancel', '--idempotency-key', 'k'])).code).toBe(0);
  const text = await system.run(['send', '--to', 'cy', ...at, 'three']);
  expect(text.stdout).toContain('scheduled 1');
});
