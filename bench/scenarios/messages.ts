import type { Server } from '../servers/server.ts';
import { CPU, delivered, LATENCY, perSecond } from './columns.ts';
import { onEach } from './on-server.ts';
import type { Scenario, ScenarioFile } from './scenario.ts';

/** For work in which a sender of the generator sends more than a client may (1,000 messages a second). */
const UNLIMITED = { MAX_MESSAGES_PER_S: '0' };
const UNLIMITED_NOTE = 'fronttcp with MAX_MESSAGES_PER_S=0: the generator’s senders are not honest clients';

const columns = [perSecond('deliveries/s'), ...LATENCY, ...CPU];
const baseline = 'floor (C)';

/** Client to clients, and client to client, over TCP. */
export const messages: ScenarioFile = (servers) => [
  ...[1, 8, 64].map((window) => fanOut(servers, 1_000, window)),
  ...[1, 8, 64].map((window) => fanOut(servers, 10_000, window)),
  group(servers),
  unicast(servers),
];

function fanOut(servers: readonly Server[], receivers: number, window: number): Scenario {
  const isHonest = window === 1;
  return {
    id: `fanout-${receivers}-w${window}`,
    group: 'Broadcast',
    title: `one sender to ${receivers.toLocaleString('en-US')} receivers, ${window} outstanding`,
    columns,
    baseline,
    isQuick: receivers === 1_000 && window === 8,
    ...(isHonest ? {} : { note: UNLIMITED_NOTE }),
    contestants: onEach(servers, {
      args: () => ['-m', 'fanout', '-n', `${receivers}`, '-w', `${window}`],
      read: delivered,
      ...(isHonest ? {} : { env: UNLIMITED }),
    }),
  };
}

/** Peers publish to 100 subscribers: the same deliveries. */
function group(servers: readonly Server[]): Scenario {
  return {
    id: 'group-100-w8',
    group: 'Broadcast',
    title: 'one sender to a group of 100, 8 outstanding',
    columns,
    baseline,
    isQuick: false,
    note: UNLIMITED_NOTE,
    contestants: onEach(servers, {
      args: () => ['-m', 'fanout', '-n', '100', '-G', '100', '-w', '8'],
      read: delivered,
      env: UNLIMITED,
    }),
  };
}

function unicast(servers: readonly Server[]): Scenario {
  return {
    id: 'unicast-64x32',
    group: 'Single messages',
    title: 'TCP → TCP, 64 senders with 32 outstanding each, 1,000 receivers',
    columns,
    baseline,
    isQuick: true,
    note: UNLIMITED_NOTE,
    contestants: onEach(servers, {
      args: () => ['-m', 'unicast', '-n', '1000', '-s', '64', '-w', '32'],
      read: delivered,
      env: UNLIMITED,
    }),
  };
}
