// node bench/upstream.ts [--latency 20]: items of devices to the function in batches, against one invocation per message.
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type Child, startChild } from './support/child.ts';
import { describeCommit, describeMachine } from './support/machine.ts';
import { startRedis } from './support/redis.ts';
import { Devices } from './upstream/devices.ts';
import type { EndpointReport } from './upstream/endpoint.ts';

const { values } = parseArgs({ options: { latency: { type: 'string', default: '20' } } });
/** What Lambda takes to accept an asynchronous invocation, ms. */
const latencyMs = Number(values.latency);
const USERS = Array.from({ length: 200 }, (_, i) => `device${i}`);
const AWS = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1_000 / TICKS_PER_SECOND;

interface Row {
  what: string;
  perSecond: number;
  invocations: number;
  p50: number;
  p99: number;
  cpuMicrosecondsPerItem: number;
  note: string;
}

const rows: Row[] = [];
/** Before the machine's other work, where this user may. */
const NICENESS = -15;
if (process.getuid?.() === 0) setPriority(NICENESS);

const redis = await startRedis({ niceness: NICENESS }, (line) => process.stderr.write(`${line}\n`));
for (const user of USERS) await redis.client.hset(`user:${user}`, 'token', 't');
const endpoint = await startChild(process.execPath, ['bench/upstream/endpoint.ts', String(latencyMs)], {
  niceness: NICENESS,
});
const endpointUrl = `http://127.0.0.1:${/\d+/.exec(await endpoint.line(/listens on \d+/))?.[0]}`;
const ask = async (question: 'reset' | 'report'): Promise<unknown> =>
  (await fetch(`${endpointUrl}/${question}`)).json();

await oneInvocationPerMessage(3_000);
for (const perSecond of [1_000, 5_000, 20_000]) await events('event, 50 ms', perSecond, {});
await events('event, 5 ms', 1_000, { UPSTREAM_BATCH_MS: '5' });
await events('event, as fast as it goes', 200_000, {});
await requests(500);
await endpoint.stop();
await redis.stop();
await print();

/** As a bridge without batches does: the SDK alone, 100 at a time, no gateway in front. */
async function oneInvocationPerMessage(count: number): Promise<void> {
  const client = new LambdaClient({
    endpoint: endpointUrl,
    region: AWS.AWS_REGION,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 100 } },
  });
  let left = count;
  await ask('reset');
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const item = { t: performance.timeOrigin + performance.now(), celsius: 21.5 };
      const Payload = Buffer.from(JSON.stringify({ items: [{ body: item }] }));
      await client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event', Payload }));
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  const seconds = (performance.now() - startedAt) / 1_000;
  const used = process.cpuUsage(cpu);
  client.destroy();
  const { invocations, p50, p99 } = (await ask('report')) as EndpointReport;
  const perItem = (used.user + used.system) / count;
  row('one invocation per message (SDK, 100 in flight)', count / seconds, invocations, p50, p99, perItem, '');
}

async function events(what: string, perSecond: number, env: Record<string, string>): Promise<void> {
  const gateway = await startGateway({ UPSTREAM_FUNCTION: 'f', ...env });
  const devices = await Devices.connect(gateway.port, USERS);
  const isPaced = perSecond < 100_000;
  const count = isPaced ? perSecond * 4 : 60_000;
  await ask('reset');
  const cpu = cpuMicroseconds(gateway.child.pid);
  const startedAt = performance.now();
  const pace = { perTick: isPaced ? perSecond / TICKS_PER_SECOND : 2_000, tickMs: MS_PER_TICK };
  await devices.send(1000, count, pace, true);
  const report = await until(async () => {
    const now = (await ask('report')) as EndpointReport;
    return now.items + devices.refused >= count ? now : undefined;
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const perItem = (cpuMicroseconds(gateway.child.pid) - cpu) / count;
  const accepted = quantile(devices.roundTripsMs, 0.5);
  const note = `accepted (110) after ${accepted.toFixed(1)} ms, refused ${devices.refused}`;
  row(
    `${what}, ${isPaced ? `${perSecond}/s` : 'flood'}`,
    count / seconds,
    report.invocations,
    report.p50,
    report.p99,
    perItem,
    note,
  );
  devices.close();
  await gateway.child.stop();
  await redis.client.del(...(await redis.client.keys('upstream*')));
}

async function requests(perSecond: number): Promise<void> {
  const gateway = await startGateway({ UPSTREAM_FUNCTION: 'f', UPSTREAM_LIFECYCLE_FUNCTION: 'none' });
  const devices = await Devices.connect(gateway.port, USERS);
  await ask('reset');
  const cpu = cpuMicroseconds(gateway.child.pid);
  const count = perSecond * 4;
  const startedAt = performance.now();
  await devices.send(1500, count, { perTick: perSecond / TICKS_PER_SECOND, tickMs: MS_PER_TICK }, true);
  await until(async () => (devices.answered + devices.refused >= count ? true : undefined));
  const seconds = (performance.now() - startedAt) / 1_000;
  const perItem = (cpuMicroseconds(gateway.child.pid) - cpu) / count;
  const { invocations } = (await ask('report')) as EndpointReport;
  const [p50, p99] = [quantile(devices.roundTripsMs, 0.5), quantile(devices.roundTripsMs, 0.99)];
  const note = `to the reply and back; the function takes ${latencyMs} ms; refused ${devices.refused}`;
  row(`request, ${perSecond}/s`, count / seconds, invocations, p50, p99, perItem, note);
  devices.close();
  await gateway.child.stop();
}

async function startGateway(env: Record<string, string>): Promise<{ child: Child; port: number }> {
  const settings = { GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: '0', HEALTH_PORT: '0', LOG_LEVEL: 'warn' };
  const child = await startChild(process.execPath, ['gateway/main.ts'], {
    niceness: NICENESS,
    env: {
      ...settings,
      ...AWS,
      AWS_ENDPOINT_URL_LAMBDA: endpointUrl,
      REDIS_URL: redis.url,
      DRAIN_TIMEOUT_MS: '0',
      MAX_MESSAGES_PER_S: '0',
      ...env,
    },
  });
  const [, port, health] = /:(\d+), health on \S+:(\d+)/.exec(await child.line(/listens on/)) ?? [];
  const isReady = () =>
    fetch(`http://127.0.0.1:${health}/readyz`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    );
  await until(isReady);
  return { child, port: Number(port) };
}

/** User and system time of a process so far, from the kernel's 10 ms ticks. */
function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = performance.now() + 120_000; performance.now() < end; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('not within two minutes');
}

function quantile(numbers: readonly number[], share: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * share)] ?? 0;
}

function row(
  what: string,
  perSecond: number,
  invocations: number,
  p50: number,
  p99: number,
  cpu: number,
  note: string,
) {
  rows.push({ what, perSecond, invocations, p50, p99, cpuMicrosecondsPerItem: cpu, note });
  process.stderr.write(`${what}: ${Math.round(perSecond)}/s\n`);
}

async function print(): Promise<void> {
  const { commit, hasLocalChanges } = await describeCommit();
  const { cpu, cpus } = describeMachine();
  console.log(
    `commit ${commit}${hasLocalChanges ? ' with local changes' : ''}, Node ${process.versions.node}, ${cpus} × ${cpu}`,
  );
  console.log(`an invocation takes the endpoint ${latencyMs} ms\n`);
  console.log('| way | items/s | invocations | p50 ms | p99 ms | CPU µs/item | |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | --- |');
  for (const { what, perSecond, invocations, p50, p99, cpuMicrosecondsPerItem, note } of rows) {
    const numbers = [
      Math.round(perSecond),
      invocations,
      p50.toFixed(1),
      p99.toFixed(1),
      cpuMicrosecondsPerItem.toFixed(0),
    ];
    console.log(`| ${what} | ${numbers.join(' | ')} | ${note} |`);
  }
}
