import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { reservePort } from './ports.ts';
import { startProcess } from './process.ts';

const node = process.execPath;

it('hands over a line as soon as it is printed, and the exit code', async () => {
  const program = startProcess(node, [
    '-e',
    'console.log("ready on 7"); process.stdin.resume(); setInterval(() => {}, 1e3)',
  ]);
  expect(await program.line(/ready on (\d)/)).toBe('ready on 7');
  expect(program.hasExited).toBe(false);
  expect(await program.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(program.hasExited).toBe(true);
});

it('fails with the output when the program ends before the line', async () => {
  const program = startProcess(node, ['-e', 'console.error("no such port"); process.exit(3)']);
  await expect(program.line(/ready/)).rejects.toThrow(/ended before[\s\S]*no such port/);
  expect(await program.exit).toEqual({ code: 3, signal: null });
});

it('kills a program that does not stop within the bound', async () => {
  const script = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1e3)';
  const program = startProcess(node, ['-e', script]);
  await program.line(/up/);
  expect(await program.stop('SIGTERM', 200)).toEqual({ code: null, signal: 'SIGKILL' });
});

it('says that a program is missing', async () => {
  const program = startProcess('no-such-program');
  expect(await program.exit).toEqual({ code: null, signal: null });
  expect(program.output()).toContain('ENOENT');
});

it('finds a port that nobody listens on', async () => {
  const socket = connect(await reservePort(), '127.0.0.1');
  const code = await new Promise((resolve) => socket.once('error', (error) => resolve('code' in error && error.code)));
  expect(code).toBe('ECONNREFUSED');
});
