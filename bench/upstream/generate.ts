import { setTimeout } from 'node:timers/promises';
import { cpuShares } from '../support/proc.ts';
import { nowMs, type Times } from './times.ts';

/** What sends items one by one. */
export interface Sender {
  send(dueMs: number): void;
  /** Called when an item was answered or refused. */
  onDone: (() => void) | undefined;
  /** From when an item was due to its answer. */
  readonly answers: Times;
  readonly refused: number;
}

/** What a generator is told. */
export interface Orders {
  /** Items a second; undefined: so many as may wait for their answers. */
  readonly rate?: number | undefined;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Whose CPU is looked at, and who works for them; the generator's own process is one of them. */
  readonly pids: readonly number[];
  readonly helpers: readonly number[];
}

const TICK_MS = 1;

/** Sends for as long as the process lives, and prints the figures of the window behind the warm-up as key=value. */
export async function generate(sender: Sender, orders: Orders, outstanding: number): Promise<void> {
  if (orders.rate === undefined) keepOutstanding(sender, outstanding);
  else keepPace(sender, orders.rate);
  await setTimeout(orders.warmupSeconds * 1_000);
  const [from, before] = [nowMs(), await cpuShares(orders.pids, orders.helpers)];
  await setTimeout(orders.seconds * 1_000);
  const [to, after] = [nowMs(), await cpuShares(orders.pids, orders.helpers)];
  const { count, p50, p99 } = sender.answers.within({ from, to });
  const cpu = { server: after.server - before.server, others: after.others - before.others };
  const figures = { from, to, answered: count, refused: sender.refused, p50, p99, ...cpu };
  const text = Object.entries(figures).map((pair) => pair.join('='));
  process.stdout.write(`${text.join(' ')}\n`);
}

function keepOutstanding(sender: Sender, outstanding: number): void {
  sender.onDone = () => sender.send(nowMs());
  for (let i = 0; i < outstanding; i += 1) sender.send(nowMs());
}

function keepPace(sender: Sender, perSecond: number): void {
  const startedAt = nowMs();
  let sent = 0;
  setInterval(() => {
    const due = ((nowMs() - startedAt) * perSecond) / 1_000;
    for (; sent < due; sent += 1) sender.send(startedAt + (sent * 1_000) / perSecond);
  }, TICK_MS);
}
