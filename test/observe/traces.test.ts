import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startApiProcess } from '../kit/api-process.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import { type RunningProcess, startProcess } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { addOperator } from '../kit/users.ts';

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: z.array(attribute),
});
const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});
type RecordedSpan = z.infer<typeof span> & { service: string };

/** An OTLP/HTTP collector that keeps what it is sent. */
async function startCollector(): Promise<{ url: string; spans: RecordedSpan[]; stop(): void }> {
  const spans: RecordedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      expect([request.method, request.url, request.headers['content-type']]).toEqual([
        'POST',
        '/v1/traces',
        'application/json',
      ]);
      for (const { resource, scopeSpans } of exported.parse(JSON.parse(Buffer.concat(chunks).toString()))
        .resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
        for (const one of scopeSpans) spans.push(...one.spans.map((each) => ({ ...each, service: String(service) })));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans, stop: () => server.close() };
}

const prefix = uniquePrefix();
let operator: string;
let collector: Awaited<ReturnType<typeof startCollector>>;
let redis: Redis;
let programs: RunningProcess[];
let gatewayPort: number;
let api: string;

beforeAll(async () => {
  collector = await startCollector();
  redis = new Redis(sharedRedisUrl());
  operator = await addOperator(redis, prefix);
  await redis.hset(`${prefix}user:device`, { token: 'token of device' });
  const env = {
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: prefix,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  };
  const [gateway, http] = await Promise.all([startGatewayProcess({ env }), startApiProcess(env)]);
  programs = [gateway.process, http.process];
  gatewayPort = gateway.port;
  api = http.url;
  await gateway.process.line(/"ready"/, 90_000);
});

afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()));
  collector.stop();
  redis.disconnect();
});

async function send(traceparent?: string, more: object = {}): Promise<string> {
  const response = await fetch(`${api}/send-command`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator}`, ...(traceparent === undefined ? {} : { traceparent }) },
    body: JSON.stringify({ command_id: 102, chat_to: 'device', content: 'good morning', ...more }),
  });
  expect(response.status).toBe(200);
  return z.object({ id: z.string() }).parse(await response.json()).id;
}

/** Name of each span and of its parent, once all that are expected have come. */
async function treeOf(traceId: string, size: number): Promise<Record<string, string | undefined>> {
  const mine = () => collector.spans.filter((one) => one.traceId === traceId);
  await until('all spans have come', () => mine().length >= size, { timeoutMs: 20_000 });
  const names = new Map(mine().map(({ spanId, name }) => [spanId, name]));
  expect(mine().length).toBe(size);
  return Object.fromEntries(
    mine().map(({ name, parentSpanId }) => [name, names.get(parentSpanId ?? '') ?? parentSpanId]),
  );
}

async function connectDevice(): Promise<Peer> {
  const device = await Peer.connect(gatewayPort);
  onTestFinished(() => void device.socket.destroy());
  await device.verify('device', { features: ['ack'] });
  return device;
}

const newTraceId = () => randomBytes(16).toString('hex');

// Spans are lost when a program cannot send them within a second: only then is the whole command repeated, as another trace.
describe('the trace of a command', { retry: { count: 2, condition: /spans have come|a trace begins/ } }, () => {
  const caller = 'b7ad6b7169203331';

  it('continues from the caller to the acknowledgement of the device', async () => {
    const traceId = newTraceId();
    const device = await connectDevice();
    const id = await send(`00-${traceId}-${caller}-01`);
    await device.receives(102);
    device.send(6, { ids: [id] });
    expect(await treeOf(traceId, 5)).toEqual({
      request: caller,
      route: 'request',
      inbox: 'request',
      write: 'inbox',
      acknowledge: 'write',
    });
    const spans = collector.spans.filter((one) => one.traceId === traceId);
    const services = Object.fromEntries(spans.map(({ name, service }) => [name, service]));
    expect(services).toEqual({
      request: 'fronttcp-api',
      route: 'fronttcp-api',
      inbox: 'fronttcp-gateway',
      write: 'fronttcp-gateway',
      acknowledge: 'fronttcp-gateway',
    });
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(endTimeUnixNano).toBeGreaterThanOrEqual(startTimeUnixNano);
    }
    expect(JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      /good morning|token/,
    );
    await device.leave();
  });

  it('of an ask continues to the reply, beside the wait of the caller', async () => {
    const asked = newTraceId();
    const device = await connectDevice();
    const answered = send(`00-${asked}-${caller}-01`, { wait: 'reply' });
    const { ask, id } = (await device.receives(102)).body as { ask: string; id: string };
    // In the order that a client may choose, too: neither takes the other's place.
    device.send(6, { ids: [id] });
    device.send(7, { ask, reply: 'good night' });
    expect(await answered).toBe(ask);
    expect(await treeOf(asked, 7)).toEqual({
      request: caller,
      route: 'request',
      wait: 'request',
      inbox: 'request',
      write: 'inbox',
      acknowledge: 'write',
      reply: 'write',
    });
    const request = collector.spans.find(({ traceId: trace, name }) => trace === asked && name === 'request');
    const outcome = request?.attributes.find(({ key }) => key === 'fronttcp.outcome');
    expect(outcome?.value.stringValue).toBe('replied');
    expect(JSON.stringify(request?.attributes)).not.toContain('good night');
    await device.leave();
  });

  it('begins in the function where the caller has none, and waits in the mailbox with the message', async () => {
    await until('the device is away', async () => (await redis.hget(`${prefix}user:device`, 'gateway')) === null);
    const seen = new Set(collector.spans.map((one) => one.traceId));
    const id = await send();
    const device = await connectDevice();
    await device.receives(102);
    device.send(6, { ids: [id] });
    const begun = await until('a trace begins', () => collector.spans.find((one) => !seen.has(one.traceId)), {
      timeoutMs: 20_000,
    });
    expect(await treeOf(begun.traceId, 5)).toEqual({
      request: undefined,
      route: 'request',
      mailbox: 'request',
      write: 'mailbox',
      acknowledge: 'write',
    });
    await device.leave();
  });

  it('is not recorded where the caller does not sample', async () => {
    const [other, sampled] = [newTraceId(), newTraceId()];
    const device = await connectDevice();
    await send(`00-${other}-${caller}-00`);
    const id = await send(`00-${sampled}-${caller}-01`);
    await device.receives(102);
    await device.receives(102);
    device.send(6, { ids: [id] });
    await treeOf(sampled, 5);
    expect(collector.spans.filter((one) => one.traceId === other)).toEqual([]);
    await device.leave();
  });
});

it('is not loaded when it is off', async () => {
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      if (/^@opentelemetry.(sdk|exporter)/.test(name)) console.log('LOADED', name);
      return next(name, context);
    } });`;
  const settings = { REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix(), GATEWAY_HOST: '127.0.0.1' };
  for (const [endpoint, isLoaded] of [
    [undefined, false],
    [collector.url, true],
  ] as const) {
    const program = startProcess(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(hooks)}`, 'gateway/main.ts'],
      { env: { ...settings, GATEWAY_PORT: '0', HEALTH_PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } },
    );
    await program.line(/"ready"/, 60_000);
    expect((await program.stop()).code).toBe(0);
    expect(program.output().includes('LOADED')).toBe(isLoaded);
  }
}, 120_000);
