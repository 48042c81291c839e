import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../local/free-port.ts';
import { startProcess } from '../kit/process.ts';

/** How far above its port a Redis of a cluster listens, too. */
const CLUSTER_BUS = 10_000;

test('no outgoing connection can take a free port, nor the one of a cluster bus', async () => {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '32768');
  const firstOfSystem = Number.parseInt(range, 10);
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort(3)));
  expect(new Set(ports).size).toBeGreaterThan(1);
  expect(Math.max(...ports) + CLUSTER_BUS + 2).toBeLessThan(firstOfSystem);
});

test('as many ports in a row can be bound as were asked for', async () => {
  const first = await freePort(3);
  for (const port of [first, first + 1, first + 2]) {
    const server = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
  }
});

test('a process that can open nothing more says so, instead of looking for other ports', async () => {
  const script = `
    const { freePort } = await import('./local/free-port.ts');
    const { openSync } = await import('node:fs');
    try { for (;;) openSync('/dev/null'); } catch {}
    await freePort().catch((error) => console.log('refused: ' + error.code));`;
  const limited = ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script];
  const program = startProcess('sh', limited);
  await program.exit;
  expect(program.output()).toContain('refused: EMFILE');
});
