import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayAddress } from '../gateway.ts';
import { personaOf } from './behaviour.ts';
import type { Member } from './members.ts';
import { SimulatedClient } from './simulated-client.ts';
import { emptyTally, type Tally } from './tally.ts';

/** The orders of a part of a fleet, sent once. */
export interface Orders {
  /** The members of the whole fleet: possible recipients. */
  userIds: string[];
  members: Member[];
  addresses: GatewayAddress[];
  connectsPerSecond: number;
  chatsPerMinute: number;
}

export type FromWorker = { tally: Tally };

/** The later order to stop: all clients leave, and the last counters are reported. */
export const END = 'end';

const REPORT_EVERY_MS = 500;
/** Length of one step in which clients are started. */
const STEP_MS = 20;
/** Maximum of steps that a late process catches up on at once: with more it would do nothing else. */
const CATCH_UP_STEPS = 5;

/** A part of a fleet, as a separate process: gets its orders through the channel, and ends when the channel closes. */
export async function runWorker(): Promise<void> {
  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  // A terminal's Ctrl-C is for the parent, which ends this process by its channel.
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => ended.abort());
  const orders = await new Promise<Orders>((resolve) =>
    process.on('message', (message) => (message === END ? ended.abort() : resolve(message as Orders))),
  );
  let tally = emptyTally();
  const clients: SimulatedClient[] = [];
  const count = (): FromWorker => {
    const report = tally;
    tally = emptyTally();
    report.connected = clients.filter((client) => client.isConnected).length;
    report.connecting = clients.length - report.connected;
    return { tally: report };
  };
  const report = setInterval(() => {
    if (process.connected) process.send?.(count());
  }, REPORT_EVERY_MS);
  const lives: Promise<void>[] = [];
  await start(orders, ended.signal, (member, address, at) => {
    const client = new SimulatedClient(member, address, personaOf(at), {
      tally: () => tally,
      someone: () => orders.userIds[Math.floor(Math.random() * orders.userIds.length)] ?? '',
      chatEveryMs: 60_000 / orders.chatsPerMinute,
      signal: ended.signal,
    });
    clients.push(client);
    lives.push(client.live());
  });
  await Promise.all(lives);
  clearInterval(report);
  if (process.connected) process.send?.(count(), () => process.disconnect());
}

/** Paced, like devices that are switched on one after the other. */
async function start(
  { members, addresses, connectsPerSecond }: Orders,
  signal: AbortSignal,
  begin: (member: Member, address: GatewayAddress, at: number) => void,
): Promise<void> {
  const startedAt = performance.now();
  const maxAtOnce = Math.ceil((connectsPerSecond / 1_000) * STEP_MS * CATCH_UP_STEPS);
  for (let at = 0; at < members.length && !signal.aborted; ) {
    const onTime = Math.ceil(((performance.now() - startedAt) / 1_000) * connectsPerSecond);
    const due = Math.min(members.length, onTime, at + maxAtOnce);
    for (; at < due; at += 1) {
      const [member, address] = [members[at], addresses[at % addresses.length]];
      if (member && address) begin(member, address, at);
    }
    await delay(STEP_MS, undefined, { signal }).catch(() => undefined);
  }
}
