import { expect, onTestFinished, test } from 'vitest';
import { gatewayProgram } from '../kit/bundles.ts';
import { chat, entry, gateway } from '../kit/gateway.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { Peer } from '../kit/peer.ts';
import { reservePort } from '../kit/ports.ts';
import { type RunningProcess, startProgram } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { scanKeys } from '../kit/scan-keys.ts';
import { until } from '../kit/until.ts';

interface Program {
  program: RunningProcess;
  port: number;
  healthPort: number;
}

/** The gateway as a container runs it. */
async function start(env: Record<string, string>, isReady = true): Promise<Program> {
  const { process: program, port, healthPort } = await startGatewayProcess({ env });
  onTestFinished(() => program.stop('SIGKILL').then(() => undefined));
  if (isReady) await until('it is ready', async () => (await get(healthPort, '/readyz')) === 200);
  return { program, port, healthPort };
}

const get = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: goodbye to clients that know it, messages on their way stored, nothing left of it in Redis, exit code 0',
  { timeout: 120_000 },
  async (signal) => {
    const prefix = uniquePrefix();
    const place = { prefix };
    const roomy = { MAILBOX_MAX_BYTES: '100000000' };
    const other = await gateway(roomy, place);
    const { program, port } = await start({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: prefix, ...roomy });
    await other.users('plain', 'ack', 'frozen');
    const plain = await Peer.connect(port);
    await plain.verify('plain');
    const ack = await Peer.connect(port);
    await ack.verify('ack', { features: ['ack', 'goodbye'] });
    const frozen = await Peer.connect(port);
    await frozen.verify('frozen');
    frozen.freeze();
    const text = 'x'.repeat(50_000);
    await other.push(
      entry('1', ['plain', 'ack']),
      ...Array.from({ length: 300 }, (_, i) => entry(`${i} ${text}`, ['frozen'])),
    );
    await plain.receives(102, chat('p', '1'));
    await ack.receives(102);
    await until('the queue is routed', async () => (await other.redis.command('LLEN', other.keys.queue)) === 0);

    expect(await program.stop(signal)).toEqual({ code: 0, signal: null });
    await ack.receives(112, { reason: 'draining', reconnect_after_ms: expect.any(Number) }, 1_100);
    await ack.isClosedSilently();
    await plain.isClosedSilently();

    const { redis, keys } = other;
    expect(await redis.command('ZRANGE', keys.gateways, 0, -1)).toEqual([other.running.id]);
    const left = await scanKeys(redis, `${prefix}*`);
    expect(
      left.filter(
        (key) => /(inbox|sessions|gateway):/.test(key.slice(prefix.length)) && !key.includes(other.running.id),
      ),
    ).toEqual([]);
    for (const id of ['plain', 'ack', 'frozen'])
      expect(await redis.command('HGET', keys.user(id), 'gateway')).toBeNull();

    // The second gateway takes over: clients that reconnect get unacknowledged and unwritten messages.
    frozen.thaw();
    await frozen.ended();
    const back = await other.peer();
    await back.verify('frozen');
    await until('the newest is here', () => back.frames.at(-1)?.text.includes('"299 x'));
    const numbers = (peer: Peer) => peer.frames.flatMap(({ text: t }) => /"(\d+) x/.exec(t)?.[1] ?? []).map(Number);
    const first = numbers(back)[0] ?? 0;
    expect(first).toBeLessThanOrEqual(numbers(frozen).length);
    expect(numbers(back)).toEqual(Array.from({ length: 300 - first }, (_, i) => first + i));
    const ackBack = await other.peer();
    expect(await ackBack.verify('ack', { features: ['ack'] })).toMatchObject({ lost: 0 });
    await ackBack.receives(102, expect.objectContaining(chat('p', '1')));
  },
);

test('a draining gateway takes no new connection and is not ready, but alive', async () => {
  const g = await gateway();
  // A peer that does not close its side keeps the gateway lingering for a moment.
  const client = await g.peer();
  client.freeze();
  const stopped = g.running.stop();
  expect(await Promise.all([g.health('/readyz'), g.health('/healthz')])).toEqual([503, 200]);
  // The queue and the task's protection are let go first.
  const isRefused = () =>
    Peer.connect(g.port).then(
      ({ socket }) => void socket.destroy(),
      ({ code }) => code === 'ECONNREFUSED',
    );
  await until('nobody is taken any more', isRefused);
  await stopped;
  await expect(g.health('/healthz')).rejects.toThrow();
});

test('while a load balancer keeps sending, nobody is refused: new connections are served, and get a goodbye with a time', async () => {
  const g = await gateway({ DRAIN_TIMEOUT_MS: '60000', DRAIN_ACCEPT_MS: '10000' });
  await g.users('early', 'unverified', 'late', 'plain');
  const unverified = await g.peer();
  const early = await g.peer();
  await early.verify('early', { features: ['goodbye'] });
  const stopped = g.running.stop();
  await early.receives(112, { reason: 'draining', reconnect_after_ms: expect.any(Number) }, 1_100);
  expect(await unverified.verify('unverified')).toEqual({ code: 1 });
  const [late, plain] = [await Peer.connect(g.port), await Peer.connect(g.port)];
  expect(await late.verify('late', { features: ['goodbye', 'pong'] })).toMatchObject({ code: 1 });
  expect(await plain.verify('plain')).toEqual({ code: 1 });
  late.send(5);
  await late.receives(105);
  // As a balancer does it: one after the other, until its nodes have heard that the target goes.
  for (let i = 0; i < 20; i += 1) (await Peer.connect(g.port)).socket.destroy();
  expect(await Promise.all([g.health('/readyz'), g.health('/healthz')])).toEqual([503, 200]);
  await late.receives(112, { reason: 'draining', reconnect_after_ms: expect.any(Number) }, 1_100);
  await plain.ended();
  await stopped;
});

test('a stop while Redis is away still exits with 0, in time', { timeout: 60_000 }, async () => {
  const { program, healthPort } = await start({ REDIS_URL: `redis://127.0.0.1:${await reservePort()}` }, false);
  expect(await get(healthPort, '/healthz')).toBe(200);
  expect(await get(healthPort, '/readyz')).toBe(503);
  expect(await program.stop('SIGTERM', 25_000)).toEqual({ code: 0, signal: null });
});

test('a background task that fails ends the process, not with 0, with a log line and a sentence', async () => {
  const planted = "process.once('SIGUSR2', () => Promise.reject(new Error('planted')))";
  const { program } = await start({
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: uniquePrefix(),
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(planted)}`,
  });
  expect(await program.stop('SIGUSR2')).toEqual({ code: 1, signal: null });
  expect(program.output()).toContain('"event":"background_failed"');
  expect(program.output()).toMatch(/The gateway ends, because a background task failed: Error: planted/);
});

test('a port that is taken ends the process, not with 0, with a message that names it', async () => {
  const taken = await start({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() });
  for (const env of [
    { GATEWAY_PORT: String(taken.port), HEALTH_PORT: '0' },
    { GATEWAY_PORT: '0', HEALTH_PORT: String(taken.healthPort) },
  ]) {
    const program = startProgram(await gatewayProgram(), [], {
      env: { GATEWAY_HOST: '127.0.0.1', REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix(), ...env },
    });
    expect((await program.exit).code).toBe(1);
    const port = env.GATEWAY_PORT === '0' ? env.HEALTH_PORT : env.GATEWAY_PORT;
    expect(program.output()).toContain(port);
    expect(program.output()).toMatch(/port is taken/i);
  }
});

test('a bad environment ends the process, not with 0, with a message that names every variable at once', async () => {
  const program = startProgram(await gatewayProgram(), [], {
    env: { REDIS_URL: undefined, GATEWAY_PORT: '99999', MAX_RECIPIENTS: 'many', REDIS_CLUSTER: 'yes' },
  });
  expect((await program.exit).code).toBe(1);
  for (const name of ['REDIS_URL', 'GATEWAY_PORT', 'MAX_RECIPIENTS', 'REDIS_CLUSTER']) {
    expect(program.output()).toContain(name);
  }
  expect(program.output()).not.toMatch(/\n\s+at /);
});

test('the exit code of the health check is 0 exactly while the gateway beside it is alive', async () => {
  const { healthPort } = await start({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: uniquePrefix() });
  const alive = startProgram('gateway/healthcheck.mjs', [], { env: { HEALTH_PORT: String(healthPort) } });
  expect((await alive.exit).code).toBe(0);
  const dead = startProgram('gateway/healthcheck.mjs', [], { env: { HEALTH_PORT: String(await reservePort()) } });
  expect((await dead.exit).code).toBe(1);
});
