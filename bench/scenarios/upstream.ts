import type { Plan } from '../plan.ts';
import { DEVICES, FUNCTION_MS, throughGateway, throughSdk, type Work } from '../upstream/measure.ts';
import { LATENCY, perSecond } from './columns.ts';
import type { Contestant, Scenario, ScenarioFile } from './scenario.ts';

const GROUP = 'Device → function';
const RATE = 1_000;
const REQUEST_RATE = 500;
const SDK = 'SDK alone';
const SDK_NOTE = 'SDK alone: one invocation per item, and no gateway';
const INVOCATIONS = { key: 'invocations', label: 'invocations/s', better: 'lower' } as const;
const CPU_EACH = { key: 'cpuEach', label: 'CPU, µs per item', better: 'lower' } as const;
const REFUSED = { key: 'refused', label: 'refused', better: 'lower' } as const;

/** Application commands of devices to the upstream function, beside one invocation per item. */
export const upstream: ScenarioFile = (_servers, plan) => [events(plan), flood(), requests()];

function events({ isQuick }: Plan): Scenario {
  const paced = (rate: number): Contestant => gateway(`fronttcp, ${named(rate)}`, { mode: 'event', rate });
  const more = [
    gateway(`fronttcp, ${named(RATE)}, batches of 5 ms`, {
      mode: 'event',
      rate: RATE,
      env: { UPSTREAM_BATCH_MS: '5' },
    }),
    ...[5_000, 20_000].map(paced),
  ];
  return {
    id: 'upstream-events',
    group: GROUP,
    title: `event mode at a rate, ${DEVICES} devices`,
    note: `latency from the device to the function, batches of 50 ms; an invocation is accepted after ${FUNCTION_MS} ms; ${SDK_NOTE}`,
    columns: [
      ...LATENCY,
      perSecond('items/s'),
      INVOCATIONS,
      { key: 'accepted', label: 'accepted after, p50, ms', better: 'lower' },
      CPU_EACH,
      REFUSED,
    ],
    isQuick: true,
    contestants: [sdk(`${SDK}, ${named(RATE)}`, { mode: 'event', rate: RATE }), paced(RATE), ...(isQuick ? [] : more)],
  };
}

function flood(): Scenario {
  return {
    id: 'upstream-max',
    group: GROUP,
    title: `event mode, as fast as it goes, ${DEVICES} devices`,
    note: `32 items of each device, or 100 invocations of the SDK, wait for their answer at any time; ${SDK_NOTE}`,
    columns: [perSecond('items/s'), INVOCATIONS, CPU_EACH, REFUSED],
    baseline: SDK,
    isQuick: false,
    contestants: [sdk(SDK, { mode: 'event' }), gateway('fronttcp', { mode: 'event' })],
  };
}

function requests(): Scenario {
  const work: Work = { mode: 'request', rate: REQUEST_RATE };
  return {
    id: 'upstream-requests',
    group: GROUP,
    title: `request mode, ${named(REQUEST_RATE)}, ${DEVICES} devices`,
    note: `to the function's reply and back; it takes ${FUNCTION_MS} ms; ${SDK_NOTE}`,
    columns: [...LATENCY, perSecond('items/s'), CPU_EACH, REFUSED],
    baseline: SDK,
    isQuick: false,
    contestants: [sdk(SDK, work), gateway('fronttcp', work)],
  };
}

const named = (rate: number): string => `${rate.toLocaleString('en-US')}/s`;

const gateway = (name: string, work: Work): Contestant => ({ name, measure: (plan) => throughGateway(plan, work) });
const sdk = (name: string, work: Work): Contestant => ({ name, measure: (plan) => throughSdk(plan, work) });
