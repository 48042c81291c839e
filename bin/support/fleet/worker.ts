import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayAddress } from '../gateway.ts';
import { personaOf } from './behaviour.ts';
import type { Member } from './members.ts';
import { SimulatedClient } from './simulated-client.ts';
import { emptyTally, type Tally } from './tally.ts';

/** What a part of a fleet is told, once. */
export interface Orders {
  /** Of the whole fleet: to whom members write. */
  userIds: string[];
  members: Member[];
  addresses: GatewayAddress[];
  connectsPerSecond: number;
  chatsPerMinute: number;
}

export type FromWorker = { tally: Tally };

const TELL_EVERY_MS = 500;
/** Clients are started in steps of that long. */
const STEP_MS = 20;

/** A part of a fleet, as a process of its own: takes its orders from the channel, and ends when the channel does. */
export async function runWorker(): Promise<void> {
  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  // A terminal's Ctrl-C is for the parent, which ends this process by its channel.
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => ended.abort());
  const orders = await new Promise<Orders>((resolve) =>
    process.once('message', (message) => resolve(message as Orders)),
  );
  let tally = emptyTally();
  const clients: SimulatedClient[] = [];
  const tell = setInterval(() => {
    const told = tally;
    tally = emptyTally();
    told.connected = clients.filter((client) => client.isConnected).length;
    told.connecting = clients.length - told.connected;
    if (process.connected) process.send?.({ tally: told } satisfies FromWorker);
  }, TELL_EVERY_MS);
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
  clearInterval(tell);
}

/** Paced, as of devices that are switched on one after the other. */
async function start(
  { members, addresses, connectsPerSecond }: Orders,
  signal: AbortSignal,
  begin: (member: Member, address: GatewayAddress, at: number) => void,
): Promise<void> {
  const startedAt = performance.now();
  for (let at = 0; at < members.length && !signal.aborted; ) {
    const due = Math.min(members.length, Math.ceil(((performance.now() - startedAt) / 1_000) * connectsPerSecond));
    for (; at < due; at += 1) {
      const [member, address] = [members[at], addresses[at % addresses.length]];
      if (member && address) begin(member, address, at);
    }
    await delay(STEP_MS, undefined, { signal }).catch(() => undefined);
  }
}
