import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ApiMetricName,
  emfLine,
  FunctionMetricName,
  METRIC_DIMENSION,
  METRIC_NAMESPACE,
  MetricName,
} from '../../contract/metrics.ts';
import { RequestMetrics } from '../../functions/http/request-metrics.ts';
import { TaskProtection } from '../../gateway/observe/task-protection.ts';
import { Histogram, representatives } from '../../shared/histogram.ts';
import { gatewayProgram } from '../kit/bundles.ts';
import { gateway, silentLog } from '../kit/gateway.ts';
import { Peer } from '../kit/peer.ts';
import { startProgram } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

interface Emf {
  _aws: {
    Timestamp: number;
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
  };
  [name: string]: unknown;
}

const emfIn = (output: string): Emf[] =>
  output
    .split('\n')
    .filter((line) => line.includes('"_aws"'))
    .map((line) => JSON.parse(line));

describe('a gateway of a deployment', () => {
  it('reports under the names that alarms and scaling use, at its start and at its end', async () => {
    const program = startProgram(await gatewayProgram(), [], {
      env: {
        REDIS_URL: sharedRedisUrl(),
        REDIS_KEY_PREFIX: uniquePrefix(),
        GATEWAY_HOST: '127.0.0.1',
        GATEWAY_PORT: '0',
        HEALTH_PORT: '0',
        METRICS_DEPLOYMENT: 'blue',
      },
    });
    await program.line(/"_aws"/, 60_000);
    const port = Number(/listens on \S+:(\d+),/.exec(program.output())?.[1]);
    const peer = await Peer.connect(port);
    await peer.verify('nobody');
    expect((await program.stop()).code).toBe(0);
    const [first, last, ...more] = emfIn(program.output());
    expect(more).toEqual([]);
    const [definition] = first?._aws.CloudWatchMetrics ?? [];
    expect(definition).toMatchObject({ Namespace: METRIC_NAMESPACE, Dimensions: [[METRIC_DIMENSION]] });
    // A minute without a message has no latency, and a gateway without an upstream function none of its metrics.
    const absent: string[] = [MetricName.deliveryLatency, MetricName.upstreamFailures, MetricName.upstreamThrottles];
    const names = Object.values(MetricName).filter((name) => !absent.includes(name));
    expect(definition?.Metrics.map(({ Name }) => Name)).toEqual(names);
    expect(first).toMatchObject({ Deployment: 'blue', Connections: 0, Accepts: 0 });
    expect(last).toMatchObject({ Deployment: 'blue', Accepts: 1, AuthFailures: 1 });
  }, 120_000);
});

it('docs/metrics.md has a line for each CloudWatch name, and no other', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` \| \w+ \| (gateways|functions) \|/gm)].map(([, name, from]) => [
    name,
    from,
  ]);
  expect(rows).toEqual([
    ...Object.values(MetricName).map((name) => [name, 'gateways']),
    ...[...Object.values(ApiMetricName), ...Object.values(FunctionMetricName)].map((name) => [name, 'functions']),
  ]);
});

it('many values are reported as a hundred that keep the percentiles', () => {
  const histogram = new Histogram([1, 10, 100, 1_000]);
  for (let i = 0; i < 9_800; i += 1) histogram.record(5);
  for (let i = 0; i < 200; i += 1) histogram.record(500);
  const values = representatives(histogram.bounds, [...histogram.counts], 100);
  expect(values.length).toBe(100);
  expect(values.filter((value) => value > 100).length).toBe(2);
  expect(values.every((value) => value > 1 && value <= 1_000)).toBe(true);
  expect(representatives(histogram.bounds, [0, 3, 0, 0, 0], 100).length).toBe(3);
  expect(representatives(histogram.bounds, [0, 0, 0, 0, 2], 100)).toEqual([1_000, 1_000]);
});

it('a metric without a value in its minute is left out', () => {
  const line = JSON.parse(
    emfLine('blue', 1_000, { A: { unit: 'Count', value: 0 }, B: { unit: 'Seconds', value: [] } }),
  );
  expect(line._aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: 'A', Unit: 'Count' }]);
  expect(line).not.toHaveProperty('B');
});

it('a function reports its requests at most once a minute, and loses none of them while it is asked', () => {
  const lines: Emf[] = [];
  let nowMs = 0;
  const metrics = new RequestMetrics(
    'blue',
    (line) => lines.push(JSON.parse(line)),
    () => nowMs,
  );
  metrics.count({ status: 200, commands: 2 });
  for (let i = 0; i < 10; i += 1) metrics.count({ status: i < 3 ? 400 : 503, commands: 0 });
  expect(lines.length).toBe(1);
  nowMs = 60_000;
  metrics.count({ status: 200, commands: 1 });
  expect(lines[0]).toMatchObject({ ApiRequests: 1, ApiRefusals: 0, ApiStoreUnavailable: 0, ApiCommands: 2 });
  expect(lines[1]).toMatchObject({ ApiRequests: 11, ApiRefusals: 3, ApiStoreUnavailable: 7, ApiCommands: 1 });
});

it('a function reports a 5xx at once, with its version', () => {
  const lines: Emf[] = [];
  const version = { FunctionName: 'login', ExecutedVersion: '7' };
  const write = (line: string) => lines.push(JSON.parse(line));
  const metrics = new RequestMetrics('blue', write, () => 0, version);
  for (const status of [200, 500, 404, 503]) metrics.count({ status, commands: 0 });
  const failures = lines.filter((line) => line.FunctionName === 'login');
  expect(failures).toMatchObject([
    { ExecutedVersion: '7', FunctionFailures: 1 },
    { ExecutedVersion: '7', FunctionUnavailable: 1 },
  ]);
  expect(failures[0]?._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([['FunctionName', 'ExecutedVersion']]);
});

describe('the protection of an ECS task', () => {
  async function agent(status = 200) {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        asked.push({ method: request.method, url: request.url, ...JSON.parse(body) });
        response.writeHead(status).end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { asked, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api` };
  }
  const put = { method: 'PUT', url: '/api/task-protection/v1/state' };

  it('is taken while there are connections, renewed, and given back when there are none', async () => {
    const { asked, uri } = await agent();
    let connections = 0;
    const times = { checkMs: 5, renewMs: 30 };
    const protection = new TaskProtection({ agentUri: uri, connections: () => connections, log: silentLog, times });
    protection.start();
    connections = 3;
    await until('it is renewed', () => asked.length >= 2);
    for (const one of asked) expect(one).toEqual({ ...put, ProtectionEnabled: true, ExpiresInMinutes: 60 });
    connections = 0;
    await until('it is given back', () => JSON.stringify(asked.at(-1)).includes('false'));
    expect(asked.at(-1)).toEqual({ ...put, ProtectionEnabled: false });
    const before = asked.length;
    await protection.release();
    expect(asked.length).toBe(before);
  });

  it('is given back when the drain begins', async () => {
    const { asked, uri } = await agent();
    const times = { checkMs: 5, renewMs: 60_000 };
    const protection = new TaskProtection({ agentUri: uri, connections: () => 1, log: silentLog, times });
    protection.start();
    await until('it is taken', () => asked.length === 1);
    await protection.release();
    expect(asked).toEqual([
      { ...put, ProtectionEnabled: true, ExpiresInMinutes: 60 },
      { ...put, ProtectionEnabled: false },
    ]);
  });

  it('is asked for again when the agent refuses', async () => {
    const { asked, uri } = await agent(500);
    const times = { checkMs: 5, renewMs: 60_000 };
    const protection = new TaskProtection({ agentUri: uri, connections: () => 1, log: silentLog, times });
    protection.start();
    await until('it is tried again', () => asked.length >= 3);
    await protection.release();
  });

  it('needs the address of the agent', async () => {
    const { parseConfig } = await import('../../gateway/config.ts');
    const env = { REDIS_URL: 'redis://127.0.0.1:6379', TASK_PROTECTION: 'true' };
    expect(() => parseConfig(env)).toThrow('ECS_AGENT_URI is missing beside TASK_PROTECTION');
  });
});

describe('a gateway that holds far more than the others', () => {
  it('says goodbye to clients that know it until the load is even, and keeps the others', async () => {
    const prefix = uniquePrefix();
    const full = await gateway({ SHED_ABOVE: '1.3', LEASE_MS: '3000' }, { prefix });
    await gateway({ SHED_ABOVE: '1.3', LEASE_MS: '3000' }, { prefix });
    const names = Array.from({ length: 40 }, (_, i) => `device${i}`);
    const plain = await Promise.all(names.slice(0, 10).map((name) => full.verified(name)));
    const polite = await Promise.all(names.slice(10).map((name) => full.verified(name, ['goodbye'])));
    // The mean is 20; above it by more than ten is too much: from 40 down to 30.
    await until('as many as should have left', () => polite.filter(({ isClosed }) => isClosed).length >= 5, {
      timeoutMs: 30_000,
    });
    const [gone] = polite.filter(({ isClosed }) => isClosed);
    expect(gone?.frames.at(-1)).toMatchObject({ commandId: 112, body: { reason: 'rebalanced' } });
    expect(plain.every(({ isClosed }) => !isClosed)).toBe(true);
    expect(await full.metric('fronttcp_closes_total{reason="rebalanced"}')).toBeGreaterThanOrEqual(5);
  }, 90_000);

  it('says goodbye to nobody by default', async () => {
    const { parseConfig } = await import('../../gateway/config.ts');
    expect(parseConfig({ REDIS_URL: 'redis://127.0.0.1:6379' }).shedAbove).toBe(0);
  });
});

describe('the debug endpoints', () => {
  it('are off by default', async () => {
    const g = await gateway();
    expect(await g.health('/debug/heap')).toBe(404);
  });

  it('show a session without its contents, and memory, and take a profile', async () => {
    const g = await gateway({ DEBUG_ENDPOINTS: 'true' });
    await g.verified('device');
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${g.running.healthPort}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const session = await get('/debug/session?user=device');
    expect(session).toMatchObject({
      status: 200,
      body: { user: 'device', state: 'live', form: 'plain', epoch: expect.any(Number) },
    });
    expect(JSON.stringify(session)).not.toContain('token');
    expect((await get('/debug/session?user=nobody')).status).toBe(404);
    const heap = (await get('/debug/heap?seconds=0.2')).body;
    expect(heap).toHaveProperty('heap.used_heap_size');
    expect(Array.isArray(heap.held)).toBe(true);
    const [profile, second] = await Promise.all([get('/debug/cpu?seconds=0.3'), get('/debug/cpu?seconds=0.3')]);
    expect(profile.body).toHaveProperty('nodes');
    expect(second.status).toBe(409);
    expect((await get('/debug/cpu?seconds=1000')).status).toBe(400);
    expect((await get('/debug/other')).status).toBe(404);
  });
});
