import { once } from 'node:events';
import { connect } from 'node:net';
import { Registry as Metrics } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { DebugEndpoints } from '../../gateway/observe/debug.ts';
import { HealthServer } from '../../gateway/observe/health-server.ts';
import { Registry } from '../../gateway/session/registry.ts';

const TIMEOUT_MS = 100;

async function healthServer(): Promise<number> {
  const debug = new DebugEndpoints(new Registry());
  const server = new HealthServer({
    isReady: () => true,
    hasStarted: () => true,
    metrics: new Metrics(),
    debug,
    timeoutMs: TIMEOUT_MS,
  });
  onTestFinished(() => server.close());
  return server.listen('127.0.0.1', 0);
}

test.each(['cpu', 'heap'])('/debug/%s may take longer than the time limit of a connection', async (what) => {
  const port = await healthServer();
  const response = await fetch(`http://127.0.0.1:${port}/debug/${what}?seconds=0.5`);
  expect(response.status).toBe(200);
  expect(Object.keys((await response.json()) as object).length).toBeGreaterThan(2);
});

test('a connection is closed when nothing comes, also after a profile', async () => {
  const port = await healthServer();
  const [idle, profiled] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  let answer = '';
  profiled.on('data', (chunk) => {
    answer += String(chunk);
  });
  profiled.write('GET /debug/heap?seconds=0.2 HTTP/1.1\r\nHost: x\r\n\r\n');
  await Promise.all([once(idle.resume(), 'close'), once(profiled, 'close')]);
  expect(answer).toContain('HTTP/1.1 200 OK');
});
