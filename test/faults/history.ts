export type Form = 'plain' | 'extended' | 'ack';

/** One message as its sender knows it. Times are of this process's clock, ms. */
export interface Send {
  readonly content: string;
  readonly sender: string;
  /** Recipients, or everyone. */
  readonly to: readonly string[] | 'everyone';
  readonly via: 'tcp' | 'http' | 'queue';
  /** The sender's connection: what is sent on one connection is in order, acknowledged or not. */
  readonly connection: number | undefined;
  readonly sentAt: number;
  acceptedAt?: number;
  /** When its sender was told, yes or no. */
  answeredAt?: number;
  /** Refused with the promise that nothing was taken. */
  refused?: boolean;
  id?: string;
  readonly receipt: boolean;
  /** It may wait for a recipient for so long; undefined: as long as any. */
  readonly ttlSeconds?: number;
}

export interface Received {
  readonly user: string;
  readonly content: string;
  /** Only `ack` clients see it. */
  readonly id: string | undefined;
  readonly connection: number;
  readonly at: number;
}

/** One connection of a receiver that was verified. */
export interface Stay {
  readonly user: string;
  readonly connection: number;
  readonly gateway: string;
  readonly startedAt: number;
  endedAt?: number;
  /** Cut, or left hanging: what the kernel had for it may never have been read. */
  abrupt: boolean;
  readonly lost: number;
}

/** What was done to the system that lets a plain client see a message twice. */
export interface Risk {
  readonly what: string;
  readonly from: number;
  to: number;
  /** When what was done had been taken back; `to` is later, by what may come of it. */
  overAt?: number;
}

/** Everything that was seen from outside during one run. */
export class History {
  readonly sends: Send[] = [];
  readonly received: Received[] = [];
  readonly stays: Stay[] = [];
  readonly risks: Risk[] = [];
  readonly acknowledged = new Set<string>();
  /** Broken promises that an actor saw at once. */
  readonly violations: string[] = [];
  readonly steps: string[] = [];
  readonly startedAt = performance.now();
  #connections = 0;

  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }

  step(text: string): void {
    this.steps.push(`${String(Math.round(performance.now() - this.startedAt)).padStart(6)} ms  ${text}`);
  }

  risk(what: string): Risk {
    const risk: Risk = { what, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.risks.push(risk);
    return risk;
  }
}
