import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import type { Client } from '../../sdk/client/client.ts';
import { connect } from '../../sdk/client/connect.ts';
import { compilePackage } from '../kit/compiled-package.ts';
import { startProcess } from '../kit/process.ts';
import { until } from '../kit/until.ts';
import { type Arrangement, arrangements, OWN_TESTS, README_START, UNDER_WAY } from './arrangements.ts';
import { type Fence, fencesOf, pages, titleOf } from './support/fences.ts';
import { differences, parseExample } from './support/http-example.ts';
import { Machine } from './support/machine.ts';

/**
 * Every command and request of the pages, as a reader would try them: on one machine, on which README.md's `npm start`
 * runs, in the order of the pages.
 */
const all = pages.flatMap(fencesOf);
const blocks = (language: string): [string, Fence][] =>
  all
    .filter((fence) => fence.language === language && fence.marks.length === 0)
    .filter(({ page }) => OWN_TESTS[`${page} ${language}`] === undefined)
    .map((fence) => [titleOf(fence), fence]);

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.make();
  const system = await machine.serve(README_START.command, README_START.isReady);
  machine.variables.REDIS_URL = /redis:\/\/\S+/.exec(system.screen())?.[0] ?? '';
});
afterAll(async () => {
  await device?.close();
  expect(await machine.switchOff()).toEqual([0]);
});

async function call(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${machine.api}${path}`, {
    method,
    headers,
    ...(body ? { body } : {}),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function logIn(user: string): Promise<string> {
  return String((await call('POST', '/login', {}, JSON.stringify({ phone_number: user, password: '123456' }))).token);
}

/** Most commands of the pages are an operator's; who logs in on a page does so by itself. */
async function logInAsOperator(): Promise<void> {
  const api = `http://127.0.0.1:${machine.api}`;
  const login = { phone_number: 'operator', token: await logIn('operator') };
  const folder = join(machine.folder, '.home/fronttcp');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ current: api, logins: { [api]: login } }), {
    mode: 0o600,
  });
}

async function run(
  place: Machine,
  script: string,
  { keys = [], shows }: Arrangement,
  isFront: boolean,
): Promise<string> {
  const terminal = place.open(script, { real: isFront });
  try {
    for (const [onScreen, typed] of keys) {
      await terminal.shows(onScreen);
      terminal.type(typed);
    }
    expect(await terminal.ends(), terminal.screen()).toBe(0);
    if (shows) expect(terminal.screen()).toMatch(shows);
    return terminal.screen();
  } finally {
    await terminal.kill();
  }
}

const arrangementOf = ({ page, text }: Fence): Arrangement =>
  Object.entries(arrangements).find(([beginning]) => `${page} ${text}`.startsWith(beginning))?.[1] ?? {};

/** The block, without what is under way already. */
function scriptOf({ text }: Fence, { replaces }: Arrangement): string {
  const lines = text.split('\n').map((line) => UNDER_WAY[line.replace(/\s+#.*/, '')] ?? line);
  return replaces ? lines.join('\n').replaceAll(...replaces) : lines.join('\n');
}

test.each(blocks('sh'))(
  'runs: %s',
  async (_, fence) => {
    const arrangement = arrangementOf(fence);
    let place = machine;
    if (arrangement.beside) {
      place = await Machine.make();
      onTestFinished(async () => {
        await place.switchOff();
      });
      await place.serve(...arrangement.beside);
    } else {
      await logInAsOperator();
    }
    const screen = await run(place, scriptOf(fence, arrangement), arrangement, fence.page === 'README.md');
    if (arrangement.printsNextBlock) expect(screen.trimEnd()).toBe(all[all.indexOf(fence) + 1]?.text.trimEnd());
  },
  120_000,
);

test('every arrangement is for a block that is there', () => {
  const beginnings = blocks('sh').map(([, { page, text }]) => `${page} ${text}`);
  const unused = Object.keys(arrangements).filter((name) => !beginnings.some((text) => text.startsWith(name)));
  expect(unused).toEqual([]);
});

test('the program of the first page for readers runs beside it', async () => {
  const program = all.find(({ page, language }) => page === 'docs/start.md' && language === 'ts');
  await compilePackage(machine.folder);
  writeFileSync(join(machine.folder, 'program.ts'), machine.here(program?.text ?? ''));
  const running = startProcess(process.execPath, [join(machine.folder, 'program.ts')]);
  expect((await running.exit).code, running.output()).toBe(0);
  expect(running.output()).toMatch(/accepted as \d+/);
  // The compiler may run in another process for longer than a test has.
}, 300_000);

/** What the page's own tokens and ids are here. */
const learned = new Map<string, string>();
const here = (text: string): string => [...learned].reduce((so, [page, real]) => so.replaceAll(page, real), text);
let device: Client | undefined;

/** What has to be there before a request of a page is made: a device that takes what it is sent, letters that are dead. */
async function arrange(path: string, answer: unknown): Promise<void> {
  if (device === undefined) {
    const token = await logIn('device-1');
    device = await connect({ host: '127.0.0.1', port: machine.gateway, phoneNumber: 'device-1', token });
    device.on('message', () => undefined);
  }
  if (path !== '/dead-letters') return;
  const { letters } = answer as { letters: { entry: string }[] };
  for (const { entry } of letters) await ask(machine.variables.REDIS_URL ?? '', 'LPUSH', 'front_tcp', entry);
}

test.each(blocks('http'))('gets this response: %s', async (_, { text }) => {
  const { method, path, headers, body, answer } = parseExample(text);
  await arrange(path, answer);
  const token = [...learned.values()].find((value) => value.includes('.'));
  const authorized = { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  let found: string[] = [];
  const isAnswered = async (): Promise<boolean> => {
    const given = await call(method, here(path), authorized, body);
    found = differences(answer, given, (page, real) => learned.set(page, real));
    return found.length === 0;
  };
  // What devices and gateways do with it takes a moment; what sends is sent once.
  if (method === 'GET') await until(`${method} ${path}`, isAnswered, { timeoutMs: 15_000 }).catch(() => undefined);
  else await isAnswered();
  expect(found).toEqual([]);
});
