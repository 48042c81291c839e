import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Member } from './members.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';
import { END, type FromWorker, type Orders } from './worker.ts';

/** The hidden command that runs one part of a fleet. */
export const FLEET_WORKER = '__fleet';

const STOP_TIMEOUT_MS = 10_000;

/** A fleet in as many processes as it needs. */
export class Fleet {
  readonly #children: ChildProcess[] = [];
  readonly #latest = new Map<ChildProcess, Tally>();
  #sum = emptyTally();
  /** Resolves with the reason when a part ends unexpectedly. */
  readonly broken: Promise<string>;
  #breaks: (why: string) => void = () => undefined;
  #isStopping = false;

  constructor() {
    this.broken = new Promise((resolve) => {
      this.#breaks = resolve;
    });
  }

  start(members: readonly Member[], perProcess: number, orders: Omit<Orders, 'members' | 'userIds'>): void {
    const count = Math.ceil(members.length / perProcess);
    const userIds = members.map(({ userId }) => userId);
    for (let at = 0; at < count; at += 1) {
      // Distributed in turn: every part has some of every kind.
      const own = members.filter((_member, index) => index % count === at);
      this.#fork({ ...orders, userIds, members: own, connectsPerSecond: orders.connectsPerSecond / count });
    }
  }

  /** The counters since the last call, and the number of connected clients now. */
  take(): Tally {
    const taken = this.#sum;
    this.#sum = emptyTally();
    const latest = [...this.#latest.values()];
    taken.connected = latest.reduce((sum, { connected }) => sum + connected, 0);
    taken.connecting = latest.reduce((sum, { connecting }) => sum + connecting, 0);
    return taken;
  }

  /** Stops all clients. Resolves when the processes have ended and their last counters have arrived. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#children.map((child) => end(child)));
  }

  #fork(orders: Orders): void {
    const child = fork(process.argv[1] ?? '', [FLEET_WORKER], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#children.push(child);
    child.on('message', (message) => {
      const { tally } = message as FromWorker;
      this.#latest.set(child, tally);
      addTally(this.#sum, tally);
    });
    child.once('error', (error) => this.#breaks(error.message));
    child.once('exit', (code, signal) => {
      this.#latest.delete(child);
      if (!this.#isStopping) this.#breaks(`a process of the fleet ended (${signal ?? `exit code ${code}`})`);
    });
    child.send(orders);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ends = [once(child, 'exit')];
  if (child.connected) {
    ends.push(once(child, 'disconnect'));
    child.send(END);
  }
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await Promise.all(ends);
  clearTimeout(kill);
}
