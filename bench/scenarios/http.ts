import type { Plan } from '../plan.ts';
import { type RunningApi, startApi, writeOperator } from '../servers/api.ts';
import { fronttcp, sharedRedis } from '../servers/fronttcp.ts';
import type { RunningServer, Server } from '../servers/server.ts';
import { startChild } from '../support/child.ts';
import { load, parseFigures } from '../support/loadgen.ts';
import { delivered, LATENCY, perSecond } from './columns.ts';
import { loadOn } from './on-server.ts';
import { gatewaysOf, pacedFloor } from './queue.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

const RATE = 1_000;
const DEVICES = 1_000;
const CONNECTIONS = 32;
const REFUSED = { key: 'refused', label: 'refused', better: 'lower' } as const;

/** `POST /send-command` to devices. */
export const http: ScenarioFile = (servers) => [paced(servers), ...[1, 100].map((perRequest) => flood(perRequest))];

function paced(servers: readonly Server[]): Scenario {
  return {
    id: 'http-1000',
    group: 'HTTP → device',
    title: `${RATE} requests a second of one command each, ${DEVICES} devices`,
    note: 'local API and gateway share the server’s CPU; the floor is given the same messages over TCP',
    columns: [...LATENCY, { key: 'p999', label: 'p99.9, ms', better: 'lower' }, REFUSED, perSecond('deliveries/s')],
    isQuick: true,
    contestants: [
      ...servers.filter(({ name }) => name === 'floor (C)').map(pacedFloor),
      ...gatewaysOf(servers).map((server) => ({
        name: server.name,
        measure: (plan: Plan) =>
          withApi(
            plan,
            plan.serverCpus,
            async (api, gateway) => {
              const figures = await post(plan, api, gateway, ['-r', `${RATE}`], gateway.pids);
              return { ...delivered(figures), refused: figures.refused };
            },
            server,
          ),
      })),
    ],
  };
}

/** Requests per second of one core: requests over the CPU time of the process that answered them. */
function flood(perRequest: number): Scenario {
  return {
    id: `http-max-${perRequest}`,
    group: 'HTTP → device',
    title:
      perRequest === 1
        ? 'as fast as it goes, one command a request'
        : `as fast as it goes, ${perRequest} commands a request`,
    note: `the local API, or the handler called in a loop, has the server’s CPU; Redis, the gateway and the ${DEVICES} devices share the other`,
    columns: [
      { key: 'perCore', label: 'requests/s per core', better: 'higher' },
      perSecond('requests/s'),
      { key: 'cpu', label: 'CPU, %', better: 'neither' },
      REFUSED,
    ],
    baseline: 'bare handler',
    isQuick: perRequest === 1,
    contestants: [throughApi(perRequest), bareHandler(perRequest)],
  };
}

function throughApi(perRequest: number): Contestant {
  return {
    name: 'local API',
    measure: (plan) =>
      withApi(plan, plan.loadCpus, async (api, gateway) => {
        const figures = await post(plan, api, gateway, ['-w', `${64 * perRequest}`, '-k', `${perRequest}`], [api.pid]);
        const cpu = (figures['srv_user%'] ?? 0) + (figures['srv_sys%'] ?? 0);
        const rate = figures['accepted/s'] ?? 0;
        return { ...delivered(figures), rate, cpu, perCore: (100 * rate) / cpu, refused: figures.refused };
      }),
  };
}

function bareHandler(perRequest: number): Contestant {
  return {
    name: 'bare handler',
    measure: (plan) =>
      withGateway(plan, plan.loadCpus, async (gateway) => {
        const redis = await sharedRedis(plan);
        const token = await writeOperator(redis.client);
        const target = ['-P', `${gateway.port}`, '-m', 'idle', '-n', `${DEVICES}`, '-W', '0'];
        const { loadCpus, niceness } = plan;
        const devices = load([...target, '-d', `${plan.seconds + 3}`], { cpus: loadCpus, niceness });
        const args = ['bench/load/bare-handler.ts', token, perRequest, DEVICES, plan.seconds].map(String);
        const env = { REDIS_URL: redis.url, LOG_LEVEL: 'warn' };
        const child = await startChild(process.execPath, args, { cpus: plan.serverCpus, niceness, env });
        const figures = parseFigures(await child.line(/^requests\/s=/, 60_000));
        await devices;
        const { 'requests/s': rate = 0, 'cpu%': cpu = 0, refused } = figures;
        return { rate, cpu, perCore: (100 * rate) / cpu, refused };
      }),
  };
}

/** The generator as a caller of the API and as its devices; `pids` are whose CPU is looked at, the rest helps. */
async function post(
  plan: Plan,
  api: RunningApi,
  gateway: RunningServer,
  pace: readonly string[],
  pids: readonly number[],
): Promise<Readonly<Record<string, number>>> {
  const to = ['-R', `${api.port}`, '-q', `http:${api.token}`, '-c', `${CONNECTIONS}`];
  const all = [api.pid, ...gateway.pids, ...(gateway.helpers ?? [])];
  const helpers = all.filter((pid) => !pids.includes(pid));
  const args = ['-m', 'queue', '-n', `${DEVICES}`, '-D', '5', ...to, ...pace];
  return loadOn(plan, fronttcp, { port: gateway.port, pids, helpers }, args);
}

async function withGateway(
  plan: Plan,
  cpus: string | undefined,
  act: (gateway: RunningServer) => Promise<Measured>,
  server: Server = fronttcp,
): Promise<Measured> {
  const gateway = await server.start({ ...plan, serverCpus: cpus });
  try {
    return await act(gateway);
  } finally {
    await gateway.stop();
  }
}

function withApi(
  plan: Plan,
  gatewayCpus: string | undefined,
  act: (api: RunningApi, gateway: RunningServer) => Promise<Measured>,
  server: Server = fronttcp,
): Promise<Measured> {
  return withGateway(
    plan,
    gatewayCpus,
    async (gateway) => {
      const api = await startApi(plan);
      try {
        return await act(api, gateway);
      } finally {
        await api.stop();
      }
    },
    server,
  );
}
