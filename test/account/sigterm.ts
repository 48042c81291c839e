import { connect as connectTcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { aws, type DeployedStack, outputOf } from '../../cli/support/aws.ts';
import { endpointOf } from './endpoint.ts';

/** A linear deployment in two steps takes ECS more than twenty minutes. */
const REPLACED_MS = 60 * 60_000;
const CONNECT_MS = 10_000;
const PAUSE_MS = 500;

const logged = z.object({ events: z.array(z.object({ timestamp: z.number(), message: z.string() })).default([]) });
const service = z.object({
  services: z.array(
    z.object({ deployments: z.array(z.object({ status: z.string(), rolloutState: z.string().optional() })) }),
  ),
});
const resources = z.object({
  StackResourceSummaries: z.array(z.object({ LogicalResourceId: z.string(), PhysicalResourceId: z.string() })),
});

/**
 * Replaces all gateways while a client connects twice a second through the load balancer: nobody may be refused, neither
 * before SIGTERM nor after it, however long the nodes of the load balancer go on sending. Says when SIGTERM came.
 */
export async function sigterm(stack: DeployedStack, pauseMs = PAUSE_MS, replacedMs = REPLACED_MS): Promise<string> {
  const [cluster, name] = [outputOf(stack, 'ClusterName'), outputOf(stack, 'ServiceName')];
  const startedAtMs = Date.now();
  const target = ['--cluster', cluster, '--service', name];
  await aws(z.unknown(), ['ecs', 'update-service', ...target, '--force-new-deployment'], stack.region);

  const refused: string[] = [];
  let attempts = 0;
  while (Date.now() - startedAtMs < replacedMs && !(await isDone(stack, cluster, name))) {
    attempts += 1;
    await connectOnce(endpointOf(stack)).catch((error: unknown) => {
      refused.push(`after ${Math.round((Date.now() - startedAtMs) / 1000)} s: ${String(error)}`);
    });
    await delay(pauseMs);
  }
  if (!(await isDone(stack, cluster, name))) {
    throw new Error(`the gateways were not replaced within ${replacedMs / 60_000} minutes`);
  }
  if (attempts === 0) throw new Error('the deployment was over before a client could connect');
  const drainedAtMs = await firstLine(stack, 'draining', startedAtMs);
  const stoppedAtMs = await firstLine(stack, 'stopped', startedAtMs);
  if (refused.length > 0) throw new Error(`${refused.length} of ${attempts} connections were refused: ${refused[0]}`);
  const seconds = (atMs: number): number => Math.round((atMs - startedAtMs) / 1000);
  return `${attempts} connections, none refused; SIGTERM after ${seconds(drainedAtMs)} s, the first task gone after ${seconds(stoppedAtMs)} s`;
}

async function isDone({ region }: DeployedStack, cluster: string, name: string): Promise<boolean> {
  const { services } = await aws(
    service,
    ['ecs', 'describe-services', '--cluster', cluster, '--services', name],
    region,
  );
  const deployments = services[0]?.deployments ?? [];
  return deployments.length === 1 && deployments[0]?.rolloutState === 'COMPLETED';
}

async function connectOnce({ host, port }: { host: string; port: number }): Promise<void> {
  const socket = connectTcp({ host, port });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.setTimeout(CONNECT_MS, () => reject(new Error(`no connection within ${CONNECT_MS / 1000} s`)));
    });
  } finally {
    socket.destroy();
  }
}

/** When the first gateway logged this event. */
async function firstLine({ name, region }: DeployedStack, event: string, sinceMs: number): Promise<number> {
  const list = await aws(resources, ['cloudformation', 'list-stack-resources', '--stack-name', name], region);
  const group = list.StackResourceSummaries.find(({ LogicalResourceId }) => /GatewaysLogs/.test(LogicalResourceId));
  if (group === undefined) throw new Error('the stack has no log group of the gateways');
  const pattern = `{ $.event = "${event}" }`;
  const args = [
    '--log-group-name',
    group.PhysicalResourceId,
    '--start-time',
    String(sinceMs),
    '--filter-pattern',
    pattern,
  ];
  const { events } = await aws(logged, ['logs', 'filter-log-events', ...args], region);
  const [first] = events.map(({ timestamp }) => timestamp).sort((a, b) => a - b);
  if (first === undefined) throw new Error(`no gateway has logged "${event}"`);
  return first;
}
