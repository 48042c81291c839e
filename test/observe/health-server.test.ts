import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { Registry as Metrics } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { DebugEndpoints } from '../../gateway/observe/debug.ts';
import { HealthServer } from '../../gateway/observe/health-server.ts';
import { Registry } from '../../gateway/session/registry.ts';
import type { Log } from '../../shared/log.ts';
import { silentLog } from '../kit/gateway.ts';

const TIMEOUT_MS = 1_000;

async function healthServer(log: Pick<Log, 'error'> = silentLog): Promise<number> {
  const debug = new DebugEndpoints(new Registry());
  const server = new HealthServer({
    isReady: () => true,
    hasStarted: () => true,
    metrics: new Metrics(),
    debug,
    log,
    timeoutMs: TIMEOUT_MS,
  });
  onTestFinished(() => server.close());
  return server.listen('127.0.0.1', 0);
}

test.each(['cpu', 'heap'])('/debug/%s may take longer than the time limit of a connection', async (what) => {
  const port = await healthServer();
  const response = await fetch(`http://127.0.0.1:${port}/debug/${what}?seconds=2`);
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

test('connections that the system refuses are logged, and end nothing', async () => {
  const lines: unknown[] = [];
  const port = await healthServer({ error: (line: object) => lines.push(line) });
  let server: Server | undefined;
  const onRequest = (message: unknown) => {
    ({ server } = message as { server: Server });
  };
  subscribe('http.server.request.start', onRequest);
  onTestFinished(() => void unsubscribe('http.server.request.start', onRequest));
  const health = async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
  expect(await health()).toBe(200);
  for (const error of ['EMFILE', 'ENFILE']) server?.emit('error', new Error(error));
  expect(lines).toMatchObject([
    { event: 'accept_failed', error: 'EMFILE' },
    { event: 'accept_failed', error: 'ENFILE' },
  ]);
  expect(await health()).toBe(200);
});
