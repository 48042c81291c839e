import type { AskOrders } from '../asks/asks.ts';
import type { GroupOrders } from '../asks/group.ts';
import type { Plan } from '../plan.ts';
import { type RunningApi, startApi } from '../servers/api.ts';
import { fronttcp, sharedRedis, startGateway } from '../servers/fronttcp.ts';
import type { RunningServer } from '../servers/server.ts';
import { startChild } from '../support/child.ts';
import { noteEnd, parseFigures } from '../support/loadgen.ts';
import { writeUsers } from '../support/redis.ts';
import { LATENCY, OTHER_CPU, perSecond } from './columns.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

const GROUP = 'Asks and groups';
/** At the lower one nothing waits for a CPU. */
const RATES = [200, 1_000];
const DEVICES = 1_000;
const MEMBERS = 100_000;
const QUICK_MEMBERS = 5_000;
/** What runs cold leaves a backlog, and until it is gone its wait is all that is seen. */
const MORE_WARMUP_SECONDS = 3;
const SETUP_TIMEOUT_MS = 240_000;

/** Calls that wait for a reply, and a message to a large group, over two gateways. */
export const asks: ScenarioFile = (_servers, plan) => [...RATES.map(replies), group(plan)];

function replies(rate: number): Scenario {
  return {
    id: `asks-${rate}`,
    group: GROUP,
    title: `${rate} calls a second, ${DEVICES} devices on two gateways`,
    note:
      'local API, both gateways, callers and devices share the CPUs; from the time a call was due: ' +
      '“send, to the device” until the device has the message, “ask” until the caller has its reply; the device replies at once',
    columns: [
      ...LATENCY,
      perSecond('calls/s'),
      { key: 'cpu', label: 'API and gateways, % of a CPU', better: 'lower' },
      { key: 'refused', label: 'without an answer', better: 'lower' },
    ],
    baseline: 'send, to the device',
    isQuick: rate === RATES[0],
    contestants: [
      caller('send, to the device', rate, 'device'),
      caller('send, to the answer of the API', rate, 'sent'),
      caller('ask, to the reply', rate, 'reply'),
    ],
  };
}

function caller(name: string, rate: number, until: AskOrders['until']): Contestant {
  return {
    name,
    measure: (plan) =>
      withTwoGateways(plan, async (api, gateways) => {
        const { isQuick, warmupSeconds, seconds, niceness } = plan;
        const pids = [api.pid, ...gateways.flatMap((one) => one.pids)];
        const orders: AskOrders = {
          rate,
          warmupSeconds: warmupSeconds + (isQuick ? 0 : MORE_WARMUP_SECONDS),
          seconds,
          pids,
          helpers: gateways[0]?.helpers ?? [],
          api,
          ports: gateways.map(({ port }) => port),
          count: DEVICES,
          until,
        };
        const args = ['bench/asks/asks.ts', JSON.stringify(orders)];
        const child = await startChild(process.execPath, args, { niceness });
        try {
          const figures = parseFigures(await child.line(/^from=/, SETUP_TIMEOUT_MS));
          noteEnd();
          const { from = 0, to = 0, answered = 0, refused, p50, p99, server = 0, others = 0 } = figures;
          if (answered === 0) throw new Error(`nobody was answered; ${refused} refused`);
          const elapsed = (to - from) / 1_000;
          return {
            rate: answered / elapsed,
            cpu: (100 * server) / elapsed,
            p50,
            p99,
            refused,
            [OTHER_CPU]: (100 * others) / elapsed,
          };
        } finally {
          await child.stop();
        }
      }),
  };
}

function group({ isQuick }: Plan): Scenario {
  const members = isQuick ? QUICK_MEMBERS : MEMBERS;
  const named = members.toLocaleString('en-US');
  return {
    id: 'group-100000',
    group: GROUP,
    title: `one message to ${named} users, ${DEVICES} of them connected to two gateways`,
    note:
      'accepted: until the API has answered (all requests); served: until the last connected member has it; done: until ' +
      'the mailbox of the last absent member has it; longest: the slowest Redis command, by SLOWLOG; ping: the slowest ' +
      'PING meanwhile, one each millisecond',
    columns: [
      { key: 'accepted', label: 'accepted, ms', better: 'lower' },
      { key: 'served', label: 'served, ms', better: 'lower' },
      { key: 'done', label: 'done, ms', better: 'lower' },
      { key: 'cpu', label: 'Redis CPU, ms', better: 'lower' },
      { key: 'longest', label: 'longest call, ms', better: 'lower' },
      { key: 'ping', label: 'slowest PING, ms', better: 'lower' },
    ],
    baseline: 'requests of 1,000',
    isQuick: true,
    contestants: [toMembers('requests of 1,000', members, 1_000), toMembers('one send to the group', members)],
  };
}

function toMembers(name: string, members: number, perRequest?: number): Contestant {
  return {
    name,
    measure: (plan) =>
      withTwoGateways(plan, async (api, gateways) => {
        const redis = await sharedRedis(plan);
        await writeUsers(redis.client, members);
        const orders: GroupOrders = {
          api,
          redisUrl: redis.url,
          ports: gateways.map(({ port }) => port),
          members,
          connected: DEVICES,
          perRequest,
        };
        const { niceness } = plan;
        const args = ['bench/asks/group.ts', JSON.stringify(orders)];
        const child = await startChild(process.execPath, args, { niceness });
        try {
          return parseFigures(await child.line(/^accepted=/, SETUP_TIMEOUT_MS));
        } finally {
          await child.stop();
        }
      }),
  };
}

/** API, gateways, callers and devices are on whatever CPU is free, as they are where they run together. */
async function withTwoGateways(
  pinned: Plan,
  act: (api: RunningApi, gateways: readonly RunningServer[]) => Promise<Measured>,
): Promise<Measured> {
  await sharedRedis(pinned);
  const plan = { ...pinned, serverCpus: undefined, loadCpus: undefined };
  const gateways: RunningServer[] = [await fronttcp.start(plan)];
  try {
    gateways.push(await startGateway(plan, await sharedRedis(plan)));
    const api = await startApi(plan);
    try {
      return await act(api, gateways);
    } finally {
      await api.stop();
    }
  } finally {
    for (const gateway of gateways) await gateway.stop();
  }
}
