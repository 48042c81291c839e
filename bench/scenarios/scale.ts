import { freePort } from '../../local/free-port.ts';
import type { Plan } from '../plan.ts';
import { fronttcp, nativeFronttcp, type RunningGateway, sharedRedis, startGateway } from '../servers/fronttcp.ts';
import type { Server } from '../servers/server.ts';
import { CPU, delivered, LATENCY, perSecond } from './columns.ts';
import { loadOn } from './on-server.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

/** Two gateways that share a port, a CPU each, beside one. */
export const scale: ScenarioFile = (servers, plan) =>
  plan.serverCpus === undefined
    ? []
    : [
        beside(servers, 'broadcast', 'broadcasts to 1,000 receivers, 8 outstanding', [
          '-m',
          'fanout',
          '-n',
          '1000',
          '-w',
          '8',
        ]),
        beside(servers, 'unicast', 'single messages, 64 senders with 32 outstanding each', [
          '-m',
          'unicast',
          '-n',
          '1000',
          '-s',
          '64',
          '-w',
          '32',
        ]),
      ];

const nameOf = { node: fronttcp.name, native: nativeFronttcp.name } as const;

function beside(servers: readonly Server[], id: string, title: string, args: readonly string[]): Scenario {
  const nets = (['node', 'native'] as const).filter((net) => servers.some(({ name }) => name === nameOf[net]));
  return {
    id: `two-gateways-${id}`,
    group: 'Scale',
    title: `${title}, on one gateway and across two`,
    note: 'the second gateway shares its CPU with the generator and Redis: two CPUs are all that there is',
    columns: [perSecond('deliveries/s'), ...LATENCY, ...CPU, { key: 'helpers', label: 'Redis, %', better: 'neither' }],
    baseline: 'one gateway',
    isQuick: false,
    contestants: nets.flatMap((net) => [contestant(net, 1, args), contestant(net, 2, args)]),
  };
}

function contestant(net: 'node' | 'native', count: 1 | 2, args: readonly string[]): Contestant {
  const name = count === 1 ? 'one gateway' : 'two gateways';
  return {
    name: net === 'node' ? name : `${name}, native`,
    async measure(plan): Promise<Measured> {
      const gateways = await startGateways(plan, net, count);
      const [first] = gateways;
      if (!first) throw new Error('no gateway was started');
      try {
        const pids = gateways.flatMap((gateway) => gateway.pids);
        const { pid } = await sharedRedis(plan);
        return delivered(await loadOn(plan, fronttcp, { port: first.port, pids, helpers: [pid] }, args));
      } finally {
        await Promise.all(gateways.map((gateway) => gateway.stop()));
      }
    },
  };
}

async function startGateways(plan: Plan, net: string, count: number): Promise<RunningGateway[]> {
  const port = await freePort();
  const env = { GATEWAY_PORT: `${port}`, GATEWAY_REUSE_PORT: 'true', NET: net, MAX_MESSAGES_PER_S: '0' };
  const first = await fronttcp.start(plan, { env });
  const redis = await sharedRedis(plan);
  const gateways = [first];
  for (let i = 1; i < count; i++) gateways.push(await startGateway(plan, redis, { env, cpus: plan.loadCpus }));
  return gateways;
}
