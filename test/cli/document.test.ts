import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../../local/redis/ping.ts';
import { reservePort } from '../kit/ports.ts';
import { repository } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { runInProcess } from './in-process.ts';
import { temporaryFolder } from './system.ts';

/**
 * The page as its reader follows it: the first example starts the system, all others run in the same folder, in their
 * order. What needs a shell, or starts processes, runs in bash, and so does one other example; the rest
 * runs in this process. What the page cannot know (ids, free ports, a password that is typed) is put in.
 */
const page = readFileSync(join(repository, 'docs/cli.md'), 'utf8');
const examples = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
  String(block)
    .split('\n')
    .filter((line) => line !== ''),
);
const [helpOfProgram, helpOfSend, dev, ...others] = examples;

const UNTIL_CTRL_C = /# until Ctrl-C$/;
const RUNS = /fronttcp is ready|Following|Waiting for the device|Connected|"type":"sample"/;

let folder: string;
let system: Running;
const redisEnv = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() };
/** The ids of the page, by how they look, and what they are here. */
const ids = new Map<RegExp, string>();

interface Running {
  output(): string;
  exit: Promise<number | null>;
  hasEnded(): boolean;
  /** As a terminal does it: everything that the line started. */
  interrupt(): void;
}

function environment(): NodeJS.ProcessEnv {
  const own = { PATH: `${folder}/bin:${process.env.PATH}`, HOME: folder, XDG_CONFIG_HOME: join(folder, '.config') };
  const none = ['FRONTTCP_API', 'FRONTTCP_TOKEN', 'FRONTTCP_HOST', 'FRONTTCP_PORT', 'REDIS_URL', 'REDIS_KEY_PREFIX'];
  const unset = Object.fromEntries(none.map((name) => [name, undefined]));
  return { ...process.env, ...unset, ...own };
}

function start(line: string, { cwd = folder, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Running {
  const child = spawn('bash', ['-o', 'pipefail', '-c', line], {
    cwd,
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return {
    output: () => output,
    exit: new Promise((resolve) => child.once('close', resolve)),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    interrupt: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
  };
}

async function runs(running: Running): Promise<void> {
  await until(`it runs: ${running.output()}`, () => RUNS.test(running.output()), { timeoutMs: 60_000 });
}

async function startDev(line: string, cwd: string): Promise<Running> {
  const [api, gateway, health] = [await reservePort(), await reservePort(), await reservePort()].map(String);
  const ports = { API_PORT: api, GATEWAY_PORT: gateway, HEALTH_PORT: health };
  const free = line
    .replace(/--api-port \d+/, `--api-port ${api}`)
    .replace(/--gateway-port \d+/, `--gateway-port ${gateway}`)
    .replace(/--health-port \d+/, `--health-port ${health}`);
  return start(free, { cwd, env: { ...redisEnv, ...ports } });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, '.config/fish/completions'), { recursive: true });
  const launcher = join(repository, 'bin/fronttcp.mjs');
  await writeFile(join(folder, 'bin/fronttcp'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
  await chmod(join(folder, 'bin/fronttcp'), 0o755);
  system = await startDev(String(dev), folder);
  await runs(system);
  const key = (name: string) => `${redisEnv.REDIS_KEY_PREFIX}${name}`;
  await ask(redisEnv.REDIS_URL, 'LPUSH', key('front_tcp'), 'not JSON');
  const isDead = async () => Number(await ask(redisEnv.REDIS_URL, 'LLEN', key('front_tcp:dead'))) === 1;
  await until('there is a dead letter', isDead, { timeoutMs: 20_000 });
});
afterAll(async () => {
  if (!system.hasEnded()) system.interrupt();
  await system.exit;
  await rm(folder, { recursive: true });
});

function learn(output: string): void {
  for (const [look, found] of [
    [/\b18\d{14}\b/, /message (\d+)/],
    [/\b5f1e0c7a9b3d4e8f6a2c1b0d\b/, /Token (\w+) of/],
    [/\b0-5f1e0c7a9b3d4e8f\b/, /^(\d+-[\da-f]{16}) /m],
  ] as const) {
    const id = found.exec(output)?.[1];
    if (id !== undefined) ids.set(look, id);
  }
}

const WORD = /"[^"$`\\]*"|'[^']*'|[^\s"'|<>$;&()#]+/g;
/** Words alone, after the name of the program: nothing that a shell would have to expand or connect. */
const WORDS_ALONE = new RegExp(`^fronttcp(?: +(?:${WORD.source}))*$`);
/** Commands that start processes themselves. */
const STARTS_PROCESSES = /^fronttcp (bench|simulate)/;

/** The first of those that need no shell runs in one all the same: the program is found, and ends with the code of its command. */
const needsShell = (line: string): boolean =>
  !WORDS_ALONE.test(line) || STARTS_PROCESSES.test(line) || line === others.find((other) => WORDS_ALONE.test(other));

async function runHere(line: string): Promise<{ code: number | null; output: string }> {
  const words = [...line.matchAll(WORD)].map(([word]) => word.replaceAll(/^["']|["']$/g, ''));
  const cwd = process.cwd();
  process.chdir(folder);
  try {
    const { code, stdout, stderr } = await runInProcess(words.slice(1), environment(), '');
    return { code, output: stdout + stderr };
  } finally {
    process.chdir(cwd);
  }
}

async function runInShell(line: string): Promise<{ code: number | null; output: string }> {
  const running = start(line);
  return { code: await running.exit, output: running.output() };
}

function filledIn(line: string): string {
  let text = line;
  for (const [look, id] of ids) text = text.replace(look, id);
  const asks = /^(.*?) +# asks for the password: (\S+)$/.exec(text);
  return asks ? `echo ${asks[2]} | ${asks[1]} --password-stdin` : text;
}

test('the page begins with the help and the system', () => {
  expect([helpOfProgram, helpOfSend]).toEqual(['fronttcp --help', 'fronttcp send --help']);
  expect(dev).toMatch(/^fronttcp dev +# until Ctrl-C$/);
  expect(others.length).toBeGreaterThan(40);
});

test.each(others)(
  '%s',
  async (line) => {
    if (!UNTIL_CTRL_C.test(line)) {
      const { code, output } = await (needsShell(line) ? runInShell : runHere)(filledIn(line));
      expect(code, output).toBe(0);
      learn(output);
      return;
    }
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'handler.mjs'), 'export const handler = () => ({});');
    const running = line.startsWith('fronttcp dev') ? await startDev(line, cwd) : start(filledIn(line));
    await runs(running);
    running.interrupt();
    expect([0, 130], running.output()).toContain(await running.exit);
    await rm(cwd, { recursive: true });
  },
  120_000,
);

test('the system of the first example ends at Ctrl-C', async () => {
  system.interrupt();
  expect(await system.exit, system.output()).toBe(0);
}, 60_000);
