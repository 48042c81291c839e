import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Persona, personaOf, SHARES } from '../../cli/support/fleet/behaviour.ts';
import { block } from '../../cli/support/fleet/display.ts';
import { checkPorts, clientsOfAProcess } from '../../cli/support/fleet/limits.ts';
import { addLatency, addTally, emptyTally, type Latencies, percentile } from '../../cli/support/fleet/tally.ts';
import { LiveBlock } from '../../cli/support/redrawn-lines.ts';
import { ask } from '../../local/redis/ping.ts';
import { repository } from '../kit/process.ts';
import { System } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

const redis = (command: string, key: string, ...args: string[]) =>
  ask(String(system.env.REDIS_URL), command, `${system.env.REDIS_KEY_PREFIX}${key}`, ...args);

const simulated = () => redis('ZRANGEBYLEX', 'users', '[sim-', '(sim.') as Promise<string[]>;

function samplesOf(stdout: string): Record<string, number | string>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a fleet connects, writes, acknowledges, and removes its users at the end', async () => {
  const run = await system.runProgram([
    'simulate',
    ...['--clients', '40', '--rate', '200', '--chats-per-minute', '300', '--duration', '6', '--json'],
  ]);
  expect(run.code, run.stderr).toBe(0);
  const samples = samplesOf(run.stdout);
  expect(samples.filter(({ type }) => type === 'sample').length).toBeGreaterThan(1);
  const end = samples.at(-1);
  expect(end).toMatchObject({ type: 'end', lost: 0, p50_ms: expect.any(Number) });
  expect(end?.verified).toBeGreaterThanOrEqual(40);
  expect(end?.received).toBeGreaterThan(0);
  // What a client took it had counted before it acknowledged it, up to the last moment.
  const acknowledged = Number(await redis('HGET', 'stats', 'acknowledged'));
  expect(acknowledged).toBeGreaterThan(0);
  expect(end?.acknowledged).toBeGreaterThanOrEqual(acknowledged);
  expect(await simulated()).toEqual([]);
}, 60_000);

test('Ctrl-C ends it, with several processes too, and nothing is left', async () => {
  // So few open files that two processes are needed.
  const script = `ulimit -n 520 && exec "$0" bin/fronttcp.mjs simulate --clients 30 --json`;
  const child = system.shell(script, repository);
  const closed = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (Number(JSON.parse(line).connected) === 30) break;
  }
  expect(await simulated()).toHaveLength(30);
  child.kill('SIGINT');
  // As from a terminal and from the process that handed over: one Ctrl-C.
  await delay(20);
  child.kill('SIGINT');
  expect(await closed).toBe(130);
  expect(await simulated()).toEqual([]);
}, 60_000);

test.each([
  ['standard error', '2>"$PIPE"'],
  ['any output', '>"$PIPE" 2>&1'],
])('without a reader of %s it removes its users, too', async (name, redirection) => {
  // The only reader of the pipe is closed again before the program starts: every write fails.
  const program = '"$0" bin/fronttcp.mjs simulate --clients 40 --duration 2 --json';
  const script = `mkfifo "$PIPE" && exec ${program} 3<>"$PIPE" ${redirection} 3<&-`;
  const child = system.shell(script, repository, { PIPE: join(system.home, name) });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect([code, await simulated()]).toEqual([0, []]);
});

test('--clean removes the users that a killed run left, and no others', async () => {
  await redis('ZADD', 'users', '0', 'sim-0a1b2c3d-00001', '0', 'sim-card');
  await redis('HSET', 'user:sim-0a1b2c3d-00001', 'token', 't');
  expect(await system.json(['simulate', '--clean'])).toEqual({ removed: 1 });
  expect(await simulated()).toEqual(['sim-card']);
});

test('a system on another machine is loaded only with --yes', async () => {
  for (const args of [['--host', 'gateway.example.com'], []]) {
    const env = args.length > 0 ? {} : { REDIS_URL: 'redis://redis.example.com' };
    const run = await system.run(['simulate', ...args], { env });
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('add --yes');
  }
});

test('more clients than ports of the machine, or files of a process, are refused beforehand', () => {
  expect(() => checkPorts(25_000, 1, 28_232)).not.toThrow();
  expect(() => checkPorts(26_000, 1, 28_232)).toThrow('25408');
  expect(() => checkPorts(50_000, 2, 28_232)).not.toThrow();
  expect(clientsOfAProcess(20_000)).toBe(15_000);
  expect(clientsOfAProcess(1_024)).toBe(524);
});

test('the shares of client kinds are exact from a hundred clients on', () => {
  const counts = new Map<Persona, number>();
  for (let at = 0; at < 200; at += 1) counts.set(personaOf(at), (counts.get(personaOf(at)) ?? 0) + 1);
  for (const [persona, share] of SHARES) expect(Math.abs((counts.get(persona) ?? 0) - share * 200)).toBeLessThan(5);
});

test('percentiles are exact to a twentieth, also of parts that were added', () => {
  const [odd, even] = [emptyTally(), emptyTally()];
  for (let ms = 1; ms <= 1_000; ms += 1) addLatency((ms % 2 === 0 ? even : odd).latencies, ms);
  const all: Latencies = addTally(addTally(emptyTally(), odd), even).latencies;
  for (const share of [0.5, 0.99]) {
    const ratio = (percentile(all, share) ?? 0) / (share * 1_000);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
  }
  expect(percentile({}, 0.5)).toBeUndefined();
});

test('the display is drawn over itself, and names what there is', () => {
  const written: string[] = [];
  const terminal = { rows: 40, write: (text: string) => written.push(text) };
  const live = new LiveBlock(terminal as unknown as NodeJS.WriteStream);
  const sample = {
    ...{
      elapsed_ms: 65_000,
      clients: 100,
      connected: 99,
      connecting: 1,
      verified: 1,
      sent: 2,
      received: 3,
      reconnected: 0,
    },
    ...{ failed: 0, refused: 0, lost: 0, p50_ms: 1.234, p99_ms: undefined },
  };
  const lines = block(sample, [1, 2, 3], '127.0.0.1:8124');
  live.draw(lines);
  live.draw(lines);
  expect(lines.join('\n')).toMatch(/100 clients at 127\.0\.0\.1:8124 {2}01:05[\s\S]*p50 1\.23 ms {3}p99 -/);
  expect(written[1]).toContain(`\u001b[${lines.length}A\u001b[J`);
});
