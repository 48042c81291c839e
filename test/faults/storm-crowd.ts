import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { endWithUs } from '../../local/end-with-us.ts';
import { until } from '../kit/until.ts';
import type { System } from './system.ts';

const PER_PROCESS = 5_000;
const TOKEN = 'storm';
const BOUND = { timeoutMs: 180_000, everyMs: 10 };
const report = z.object({
  connected: z.array(z.tuple([z.number(), z.number()])),
  received: z.number(),
  contents: z.number(),
});

/** The users `storm-0` and so on, as clients in processes of their own (storm-clients.ts). */
export class Crowd {
  readonly size: number;
  readonly #children: ChildProcess[] = [];
  readonly #reports: z.infer<typeof report>[] = [];

  /** Resolves when all are connected, each to one of the ports. `features` undefined: plain clients. */
  static async connect(
    system: Pick<System, 'admin' | 'keys'>,
    clients: { count: number; ports: readonly number[]; features?: readonly string[] },
  ): Promise<Crowd> {
    const crowd = new Crowd(clients.count);
    const pipeline = system.admin.pipeline();
    for (const user of crowd.users) pipeline.hset(system.keys.user(user), { token: tokenAtRest(TOKEN) });
    await pipeline.exec();
    for (let first = 0; first < crowd.size; first += PER_PROCESS) {
      const count = Math.min(PER_PROCESS, crowd.size - first);
      const order = JSON.stringify({ first, count, ports: clients.ports, token: TOKEN, features: clients.features });
      const child = fork(fileURLToPath(new URL('./storm-clients.ts', import.meta.url)), [order]);
      endWithUs(child);
      const place = crowd.#children.push(child) - 1;
      child.on('message', (text) => {
        crowd.#reports[place] = report.parse(text);
      });
    }
    await crowd.until('everyone is connected', () => crowd.connected() === crowd.size);
    return crowd;
  }

  private constructor(size: number) {
    this.size = size;
  }

  get users(): string[] {
    return Array.from({ length: this.size }, (_, i) => `storm-${i}`);
  }

  /** Verified connections to a port, or to all. */
  connected(port?: number): number {
    const all = this.#reports.flatMap(({ connected }) => connected);
    return all.reduce((sum, [at, count]) => sum + (port === undefined || at === port ? count : 0), 0);
  }

  /** Messages so far, and how many different contents they had. */
  get received(): { messages: number; contents: number } {
    const sum = (of: 'received' | 'contents') => this.#reports.reduce((total, one) => total + one[of], 0);
    return { messages: sum('received'), contents: sum('contents') };
  }

  /** All clients connect to this port within a second, while their old connections are open. */
  moveTo(port: number): void {
    for (const child of this.#children) child.send({ moveTo: port });
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    await until(what, isSo, BOUND);
  }

  stop(): void {
    for (const child of this.#children) if (child.connected) child.disconnect();
  }
}
