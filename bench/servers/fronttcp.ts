import { join } from 'node:path';
import { loadBinding } from '../../gateway/net/native-binding.ts';
import type * as NodeFlags from '../../gateway/node-flags.ts';
import type { Plan } from '../plan.ts';
import { describeLastProfile } from '../report/profile.ts';
import { startChild } from '../support/child.ts';
import { lastEnd } from '../support/loadgen.ts';
import { root } from '../support/paths.ts';
import { type BenchRedis, startRedis, writeUsers } from '../support/redis.ts';
import type { RunningServer, Server, StartOptions } from './server.ts';

/** Users that the generator may be; a quick run has fewer clients. */
const USERS = 19_000;
const QUICK_USERS = 2_000;
const QUIET = { GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: '0', HEALTH_PORT: '0', LOG_LEVEL: 'warn' } as const;

export interface RunningGateway extends RunningServer {
  readonly healthPort: number;
  /** Its output so far, the last megabyte. */
  output(): string;
}

/** The whole gateway as it is deployed (gateway/main.ts), with the run's Redis, emptied first. */
export const fronttcp = {
  name: 'fronttcp',
  protocol: 'gw',
  missing: () => Promise.resolve(undefined),
  async start(plan: Plan, options: StartOptions = {}): Promise<RunningGateway> {
    const redis = await sharedRedis(plan);
    await redis.client.flushall();
    await writeUsers(redis.client, plan.isQuick ? QUICK_USERS : USERS);
    return startGateway(plan, redis, options);
  },
} satisfies Server;

/** The same on the addon of gateway/net; `npm run build:native` makes it. */
export const nativeFronttcp: Server = {
  name: 'fronttcp native',
  protocol: 'gw',
  missing() {
    const found = loadBinding();
    return Promise.resolve(found.state === 'loaded' ? undefined : found.why);
  },
  start: (plan, options) => fronttcp.start(plan, { ...options, env: { ...options?.env, NET: 'native' } }),
};

/** The gateway of another checkout, given the same work: the effect of a change, in one run. */
export const besideFronttcp: Server = {
  name: 'fronttcp beside',
  protocol: 'gw',
  missing: ({ beside }) => Promise.resolve(beside === undefined ? 'no --beside' : undefined),
  async start(plan, options) {
    return fronttcp.start(plan, { ...options, checkout: plan.beside });
  },
};

/** One gateway more, on whatever is in Redis. */
export async function startGateway(
  plan: Plan,
  redis: BenchRedis,
  {
    env = {},
    nodeArgs = [],
    checkout = root,
    cpus = plan.serverCpus,
  }: StartOptions & { cpus?: string | undefined } = {},
): Promise<RunningGateway> {
  // Nobody drains a benchmark: its clients are gone by then.
  const settings = { NET: 'node', ...QUIET, REDIS_URL: redis.url, DRAIN_TIMEOUT_MS: '0', ...env };
  const { NODE_FLAGS } = (await import(join(checkout, 'gateway/node-flags.ts'))) as typeof NodeFlags;
  const profile = profileArgs(plan);
  const child = await startChild(process.execPath, [...NODE_FLAGS, ...profile, ...nodeArgs, 'gateway/main.ts'], {
    cpus,
    niceness: plan.niceness,
    env: settings,
    cwd: checkout,
  });
  const [, port, healthPort] = /:(\d+), health on \S+:(\d+)/.exec(await child.line(/listens on/)) ?? [];
  await untilReady(Number(healthPort));
  return {
    port: Number(port),
    healthPort: Number(healthPort),
    pids: [child.pid],
    helpers: [redis.pid],
    output: child.output,
    stop,
  };

  async function stop(): Promise<void> {
    const to = lastEnd();
    const window = { from: to - plan.seconds * 1e6, to };
    await child.stop();
    if (plan.profileFolder !== undefined) plan.say(await describeLastProfile(plan.profileFolder, window));
  }
}

function profileArgs({ profileFolder }: Plan): string[] {
  if (profileFolder === undefined) return [];
  return ['--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', profileFolder];
}

async function untilReady(healthPort: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    await answer.arrayBuffer();
    if (answer.ok) return;
    if (performance.now() > deadline) throw new Error('the gateway did not become ready in 30 s');
  }
}

let shared: Promise<BenchRedis> | undefined;

/** The one Redis of a run, on the generator's CPU. */
export function sharedRedis({ loadCpus: cpus, niceness, say }: Plan): Promise<BenchRedis> {
  shared ??= startRedis({ cpus, niceness }, say);
  return shared;
}

export async function stopSharedRedis(): Promise<void> {
  await (await shared)?.stop();
  shared = undefined;
}
