import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../../../local/end-with-us.ts';

const ATTACKER_NICE = 10;

/** What the clients of one attack do (attacker.ts). `name` is that of their report. */
export type Order = { readonly name: string; readonly port: number } & (
  | {
      readonly kind: 'flood';
      readonly user: string;
      readonly frames: 'many recipients' | 'large to many' | 'large' | 'small' | 'acknowledge' | 'verify';
    }
  | { readonly kind: 'unverified'; readonly count: number }
  | { readonly kind: 'idle'; readonly count: number }
  | { readonly kind: 'wrong tokens'; readonly user: string; readonly count: number }
  | { readonly kind: 'readers'; readonly users: readonly string[] }
);

export interface Report {
  sent: number;
  /** Frames 110. Of unverified connections: the size of a frame that they may announce. */
  accepted: number;
  /** Frames 111, or verifies that were refused. */
  refused: number;
  closed: number;
  /** Messages per user. */
  received: Record<string, number>;
}

const NOTHING: Report = { sent: 0, accepted: 0, refused: 0, closed: 0, received: {} };

/** The processes of the attackers, and what they reported last. */
export class Attackers {
  readonly #children: ChildProcess[] = [];
  readonly #reports = new Map<string, Report>();

  /** All of these orders in one process. */
  start(orders: readonly Order[]): void {
    if (orders.length === 0) return;
    const child = fork(fileURLToPath(new URL('./attacker.ts', import.meta.url)), [JSON.stringify(orders)]);
    endWithUs(child);
    this.#children.push(child);
    // Attackers have machines of their own. On this one they get the CPU time that the attacked leave.
    if (child.pid !== undefined) setPriority(child.pid, ATTACKER_NICE);
    child.on('message', (reports) => {
      for (const [name, report] of Object.entries(reports as Record<string, Report>)) this.#reports.set(name, report);
    });
  }

  report(name: string): Report {
    return this.#reports.get(name) ?? NOTHING;
  }

  /** The sum of the reports whose names begin with this. */
  accepted(prefix: string): number {
    return [...this.#reports].reduce((sum, [name, { accepted }]) => sum + (name.startsWith(prefix) ? accepted : 0), 0);
  }

  stop(): void {
    for (const child of this.#children) if (child.connected) child.send('stop');
  }

  end(): void {
    for (const child of this.#children) if (child.connected) child.disconnect();
  }
}
