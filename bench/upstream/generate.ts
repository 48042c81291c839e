import { setTimeout } from 'node:timers/promises';
import type { Figures } from '../support/loadgen.ts';
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

/** The orders of a generator. */
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
/** A sender that is behind catches up by so much in a tick, s: its answers, and the window's end, have their turn between. */
const MAX_TICK_SECONDS = 0.01;

/** Sends until the window behind the warm-up has passed, and answers its figures. */
export async function generate(sender: Sender, orders: Orders, outstanding: number): Promise<Figures> {
  await sendFirst(sender);
  const stop = orders.rate === undefined ? keepOutstanding(sender, outstanding) : keepPace(sender, orders.rate);
  await setTimeout(orders.warmupSeconds * 1_000);
  const [from, before] = [nowMs(), await cpuShares(orders.pids, orders.helpers)];
  await setTimeout(orders.seconds * 1_000);
  const [to, after] = [nowMs(), await cpuShares(orders.pids, orders.helpers)];
  stop();
  const { count, p50, p99 } = sender.answers.within({ from, to });
  const cpu = { server: after.server - before.server, others: after.others - before.others };
  return { from, to, answered: count, refused: sender.refused, p50, p99, ...cpu };
}

/** As key=value: what `parseFigures` reads. */
export function lineOf(figures: Figures): string {
  const pairs = Object.entries(figures).map((pair) => pair.join('='));
  return `${pairs.join(' ')}\n`;
}

/** One item alone: code loaded for the first does not delay the others. */
async function sendFirst(sender: Sender): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  sender.onDone = resolve;
  sender.send(nowMs());
  await promise;
  sender.onDone = undefined;
}

function keepOutstanding(sender: Sender, outstanding: number): () => void {
  sender.onDone = () => sender.send(nowMs());
  for (let i = 0; i < outstanding; i += 1) sender.send(nowMs());
  return () => {
    sender.onDone = undefined;
  };
}

function keepPace(sender: Sender, perSecond: number): () => void {
  const startedAt = nowMs();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((nowMs() - startedAt) * perSecond) / 1_000;
    const end = Math.min(due, sent + Math.ceil(perSecond * MAX_TICK_SECONDS));
    for (; sent < end; sent += 1) sender.send(startedAt + (sent * 1_000) / perSecond);
  }, TICK_MS);
  return () => clearInterval(timer);
}
