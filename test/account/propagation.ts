import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { aws, type DeployedStack, outputOf } from '../../cli/support/aws.ts';
import { connectRelay } from '../../cli/support/relay.ts';
import type { Store } from '../../cli/support/store.ts';
import { addUser, issueToken, removeUser } from '../../cli/support/users.ts';
import { defaultTimings } from '../../lib/timings.ts';
import { connect } from '../../sdk/client/connect.ts';
import { endpointOf } from './endpoint.ts';

const TOKEN_SECONDS = 3_600;
/** How many new connections show all gateways of a small deployment. */
const SAMPLE = 40;

/** How long a gateway goes on accepting after its target was taken out: until SIGTERM, and until its drain has ended. */
const ACCEPTS_MS = (defaultTimings.deregistrationDelaySeconds + defaultTimings.drainTimeoutSeconds) * 1000;

interface Pace {
  /** Between two connections. */
  readonly pauseMs: number;
  /** Without a new connection for so long, a target is out. */
  readonly quietMs: number;
  /** A target that was put back must get connections within this time. */
  readonly registeredMs: number;
  readonly acceptsMs: number;
}

const inAnAccount: Pace = { pauseMs: 500, quietMs: 60_000, registeredMs: 6 * 60_000, acceptsMs: ACCEPTS_MS };

const resources = z.object({
  StackResourceSummaries: z.array(z.object({ ResourceType: z.string(), PhysicalResourceId: z.string() })),
});
const health = z.object({
  TargetHealthDescriptions: z.array(
    z.object({
      Target: z.object({ Id: z.string(), Port: z.number() }),
      TargetHealth: z.object({ State: z.string() }),
    }),
  ),
});

interface Target {
  readonly group: string;
  readonly id: string;
  readonly port: number;
}

/**
 * Takes one target out of the load balancer and puts it back, while a client connects twice a second and looks which gateway
 * it got. No connection may fail. New ones must stop coming to the target while its gateway would still accept them, and come
 * again after it was put back: the times of a deployment (`timings`) rest on both.
 */
export async function propagation(stack: DeployedStack, pace: Pace = inAnAccount): Promise<string> {
  const targets = await healthyTargets(stack);
  const [target] = targets;
  if (target === undefined || targets.length < 2) {
    throw new Error(`${targets.length} healthy targets: one is taken out, so at least two are needed`);
  }
  const store = await connectRelay(outputOf(stack, 'RelayFunction'), stack.region);
  const userId = `account-test-${randomBytes(6).toString('hex')}`;
  try {
    await addUser(store, userId, { password: randomBytes(24).toString('hex'), isOperator: false, replace: false });
    const { token } = await issueToken(store, userId, TOKEN_SECONDS);
    const next = async (): Promise<string> => {
      await delay(pace.pauseMs);
      return gatewayOfAConnection(stack, store, userId, token);
    };
    const all = new Set<string>();
    for (let i = 0; i < SAMPLE; i += 1) all.add(await next());
    if (all.size < 2)
      throw new Error(`${SAMPLE} connections came to ${all.size} gateway, of ${targets.length} targets`);

    let outAfterMs: number;
    await change('deregister-targets', target, stack.region);
    try {
      outAfterMs = await untilOneIsOut(all, next, pace);
    } finally {
      await change('register-targets', target, stack.region);
    }
    const backAfterMs = await untilAllAreBack(all.size, next, pace);
    const seconds = (ms: number): number => Math.round(ms / 1000);
    return `the last new connection came ${seconds(outAfterMs)} s after the target was taken out, the first ${seconds(backAfterMs)} s after it was put back; none failed`;
  } finally {
    await removeUser(store, userId).catch(() => undefined);
    await store.redis.close();
  }
}

async function healthyTargets({ name, region }: DeployedStack): Promise<Target[]> {
  const { StackResourceSummaries } = await aws(
    resources,
    ['cloudformation', 'list-stack-resources', '--stack-name', name],
    region,
  );
  const groups = StackResourceSummaries.filter(
    ({ ResourceType }) => ResourceType === 'AWS::ElasticLoadBalancingV2::TargetGroup',
  ).map(({ PhysicalResourceId }) => PhysicalResourceId);
  const perGroup = await Promise.all(
    groups.map(async (group) => {
      const args = ['elbv2', 'describe-target-health', '--target-group-arn', group];
      const { TargetHealthDescriptions } = await aws(health, args, region);
      return TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth.State === 'healthy').map(
        ({ Target }) => ({ group, id: Target.Id, port: Target.Port }),
      );
    }),
  );
  return perGroup.flat();
}

async function change(
  operation: 'register-targets' | 'deregister-targets',
  { group, id, port }: Target,
  region: string,
): Promise<void> {
  const args = ['elbv2', operation, '--target-group-arn', group, '--targets', `Id=${id},Port=${port}`];
  await aws(z.unknown(), args, region);
}

/** The lease id of the gateway that a new connection came to. */
async function gatewayOfAConnection(
  stack: DeployedStack,
  { redis, keys }: Store,
  userId: string,
  token: string,
): Promise<string> {
  const client = await connect({ ...endpointOf(stack), phoneNumber: userId, token, reconnect: false });
  try {
    return String(await redis.command('HGET', keys.user(userId), 'gateway'));
  } finally {
    await client.close();
  }
}

/** Until one of the gateways has got no new connection for a while. Resolves with the time of its last one. */
async function untilOneIsOut(all: ReadonlySet<string>, next: () => Promise<string>, pace: Pace): Promise<number> {
  const startedAtMs = performance.now();
  const lastAtMs = new Map([...all].map((gateway) => [gateway, startedAtMs]));
  for (;;) {
    lastAtMs.set(await next(), performance.now());
    const nowMs = performance.now();
    const [, oldestMs] = [...lastAtMs].sort(([, a], [, b]) => a - b)[0] ?? ['', nowMs];
    if (nowMs - oldestMs > pace.quietMs) return oldestMs - startedAtMs;
    if (nowMs - startedAtMs > pace.acceptsMs + pace.quietMs) {
      throw new Error(
        `${Math.round(pace.acceptsMs / 1000)} s after a target was taken out new connections still come to it: its gateway would refuse them by now`,
      );
    }
  }
}

/** Until as many gateways as before get new connections. ECS may have replaced the one that was out: any will do. */
async function untilAllAreBack(count: number, next: () => Promise<string>, pace: Pace): Promise<number> {
  const startedAtMs = performance.now();
  const seen = new Set<string>();
  for (;;) {
    seen.add(await next());
    const passedMs = performance.now() - startedAtMs;
    if (seen.size >= count) return passedMs;
    if (passedMs > pace.registeredMs) {
      throw new Error(
        `${Math.round(passedMs / 1000)} s after the target was put back new connections come to ${seen.size} of ${count} gateways`,
      );
    }
  }
}
