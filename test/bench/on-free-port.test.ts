import { expect, onTestFinished, test } from 'vitest';
import { startChild } from '../../bench/support/child.ts';
import { startOnFreePort } from '../../bench/support/on-free-port.ts';

const LISTENS = 'require("node:net").createServer().listen(Number(process.argv[1]), "127.0.0.1")';
const ENDS = 'console.error("the port is taken"); process.exit(1)';

const run = (program: string, port: number) => startChild(process.execPath, ['-e', program, `${port}`]);

test('a program whose port was taken meanwhile is started again, on another', async () => {
  const ports: number[] = [];
  const server = await startOnFreePort((port) => run(ports.push(port) < 3 ? ENDS : LISTENS, port));
  onTestFinished(() => server.stop());
  expect(ports).toHaveLength(3);
  expect(server.port).toBe(ports[2]);
  expect(server.process.exitCode).toBe(null);
});

test('a program that ends each time is given up, with what it said', async () => {
  await expect(startOnFreePort((port) => run(ENDS, port))).rejects.toThrow(/the port is taken/);
});
