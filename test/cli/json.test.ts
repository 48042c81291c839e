import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { ask } from '../../local/redis/ping.ts';
import { connect } from '../../sdk/client/connect.ts';
import { until } from '../kit/until.ts';
import { linesOf, offences } from './json-rules.ts';
import { System } from './system.ts';

/** Every command with `--json`, against the rules of docs/cli.md. */
let system: System;
let device: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  system = await System.start();
  await system.operator('boss');
  const token = await system.user('device');
  device = await connect({ host: '127.0.0.1', port: system.port, phoneNumber: 'device', token });
  device.on('message', () => undefined);
  device.onAsk(() => ({ level: 3, readAt: 'now' }));
  await ask(String(system.env.REDIS_URL), 'LPUSH', `${system.env.REDIS_KEY_PREFIX}front_tcp`, 'not JSON');
});
afterAll(async () => {
  await device.close();
  await system.stop();
});

const password = { input: 'secret\n' };
const run = (...args: string[]) => system.run([...args, '--json']);
/** Commands that start processes of their own. */
const runProgram = (...args: string[]) => system.runProgram([...args, '--json']);
const found: Record<string, string> = {};

async function firstLines(args: readonly string[], count: number, begin: () => Promise<unknown>): Promise<string> {
  const child = system.spawn([...args, '--json']);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  try {
    const came = async (): Promise<boolean> => {
      await begin();
      return lines.length >= count;
    };
    await until(`${args.join(' ')} prints ${count} lines`, came, { timeoutMs: 20_000, everyMs: 300 });
  } finally {
    child.kill('SIGTERM');
    reader.close();
  }
  return lines.join('\n');
}

/** By the name of the command, in an order in which each finds what it needs. Returns what it prints. */
const runs: Record<string, () => Promise<string>> = {
  login: async () =>
    (await system.run(['login', 'boss', '--password-stdin', '--print-token', '--json'], { input: '123456\n' })).stdout +
    (await system.run(['login', 'boss', '--password-stdin', '--json'], { input: '123456\n' })).stdout,
  send: async () => {
    await system.user('away');
    const { stdout } = await run('send', '--to', 'device,away', '--receipt', '--wait', '5', 'hello');
    found.command = /"id":"(\d+)"/.exec(stdout)?.[1] ?? '';
    return stdout + (await run('send', '--to', 'device', 'hello')).stdout + (await run('send', '--all', 'x')).stdout;
  },
  ask: async () => (await run('ask', 'device', '{"read": true}')).stdout,
  'commands list': async () => (await run('commands', 'list')).stdout,
  'commands show': async () => (await run('commands', 'show', String(found.command))).stdout,
  'commands cancel': async () => {
    const { stdout } = await run('send', '--to', 'away', '--in', '3600', '--receipt', '--wait', '0', 'later');
    return stdout + (await run('commands', 'cancel', /"id":"(\d+)"/.exec(stdout)?.[1] ?? '')).stdout;
  },
  'groups add': async () => (await run('groups', 'add', 'pumps', 'device', 'away')).stdout,
  'groups list': async () => (await run('groups', 'list')).stdout,
  'groups show': async () => (await run('groups', 'show', 'pumps')).stdout,
  'groups remove': async () => (await run('groups', 'remove', 'pumps', 'away')).stdout,
  'groups delete': async () => (await run('groups', 'delete', 'pumps')).stdout,
  'users list': async () => (await run('users', 'list')).stdout,
  'users show': async () => {
    const { stdout } = await run('users', 'show', 'away');
    found.waiting = /"messages":\[\{"id":"(\d+)"/.exec(stdout)?.[1] ?? '';
    return stdout + (await run('users', 'show', 'device')).stdout;
  },
  'users drop-message': async () => (await run('users', 'drop-message', 'away', String(found.waiting))).stdout,
  'users clear-messages': async () => (await run('users', 'clear-messages', 'away')).stdout,
  'users add': async () => (await system.run(['users', 'add', 'new', '--password-stdin', '--json'], password)).stdout,
  'users token': async () =>
    (await run('users', 'token', 'new')).stdout + (await run('users', 'token', 'new', '--ttl', '0')).stdout,
  'users disconnect': async () => (await run('users', 'disconnect', 'new')).stdout,
  'users remove': async () => (await run('users', 'remove', 'new')).stdout,
  'tokens create': async () => {
    const { stdout } = await run('tokens', 'create', 'billing', '--scope', 'send');
    found.token = /"id":"(\w+)"/.exec(stdout)?.[1] ?? '';
    return stdout;
  },
  'tokens list': async () => (await run('tokens', 'list')).stdout,
  'tokens revoke': async () => (await run('tokens', 'revoke', String(found.token))).stdout,
  stats: async () => (await run('stats')).stdout,
  gateways: async () => (await run('gateways')).stdout,
  doctor: async () => (await run('doctor')).stdout,
  cost: async () => (await run('cost')).stdout,
  bench: async () => (await runProgram('bench', '--clients', '2', '--seconds', '1')).stdout,
  simulate: async () =>
    (await runProgram('simulate', '--clients', '5', '--duration', '2')).stdout +
    (await run('simulate', '--clean')).stdout,
  connect: () => firstLines(['connect', '--listen'], 1, () => run('send', '--to', 'boss', 'hello')),
  tail: () => firstLines(['tail'], 2, () => run('send', '--to', 'device', 'hello')),
  'dead list': async () => {
    const { stdout } = await run('dead', 'list');
    found.letter = /"id":"(\d+-\w+)"/.exec(stdout)?.[1] ?? '';
    return stdout;
  },
  'dead retry': async () => (await run('dead', 'retry', String(found.letter))).stdout,
  'dead delete': async () => (await run('dead', 'delete', '--all', '--yes')).stdout,
  logout: async () => (await run('logout')).stdout,
};

/** They print no results, or have their results checked elsewhere. */
const OTHERS: Record<string, string> = {
  dev: 'prints what it does, until Ctrl-C',
  completion: 'prints a script',
  setup: 'test/cli/stack.test.ts',
  conformance: 'test/examples/clients.test.ts',
};

const leaves = (command: Command, path: string[] = []): string[] =>
  command.commands.length === 0
    ? [path.join(' ')]
    : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));

test('every command is tried', () => {
  const hidden = (name: string): boolean => name.startsWith('__') || name === 'help';
  const names = leaves(createProgram()).filter((name) => !hidden(name));
  expect([...Object.keys(runs), ...Object.keys(OTHERS)].sort()).toEqual(names.sort());
});

test.each(Object.entries(runs))(
  '%s --json has one case for names and one unit for times',
  async (_, prints) => {
    const lines = linesOf(await prints());
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.flatMap((line) => offences(line))).toEqual([]);
  },
  120_000,
);

test('also when it fails', async () => {
  const { stderr } = await run('users', 'show', 'nobody-there');
  expect(offences(JSON.parse(stderr.trim().split('\n').at(-1) ?? ''))).toEqual([]);
});

test.each([
  [{ expiresAt: 1 }, '$.expiresAt is not in snake_case'],
  [{ list: [{ sent_at: 1_795_340_000 }] }, '$.list[0].sent_at is no moment in Unix milliseconds: 1795340000'],
  [{ ttl_s: 5 }, '$.ttl_s is not in milliseconds'],
  [{ seconds: 5 }, '$.seconds is not in milliseconds'],
  [{ when: '2026-11-29T12:00:00Z' }, '$.when is a moment as text'],
])('finds what the rules forbid: %j', (value, offence) => {
  expect(offences(value)).toEqual([offence]);
});

test.each([{ rate_per_second: 1, p50_ms: 2, at: null, expires_at: 1_795_340_000_000 }, { reply: { readAt: 'x' } }])(
  'what they allow is not: %j',
  (value) => {
    expect(offences(value)).toEqual([]);
  },
);
