/** Of a connection: what its client asked for when it verified. */
export type Form = 'plain' | 'extended' | 'ack';
/** Of a user; `mixed`: plain and `ack` in turn. */
export type UserForm = Form | 'mixed';

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
  /** When its sender got the result, positive or negative. */
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
  readonly form: Form;
  readonly at: number;
}

/** One connection of a receiver that was verified. */
export interface Stay {
  readonly user: string;
  readonly connection: number;
  readonly form: Form;
  /** Plain clients get none. */
  readonly epoch: string | undefined;
  readonly gateway: string;
  readonly startedAt: number;
  endedAt?: number;
  /** Cut, or left hanging: what the kernel had for it may never have been read. */
  abrupt: boolean;
  readonly lost: number;
}

/** What was done to the system that lets a plain client see a message twice. */
interface Risk {
  readonly what: string;
  readonly from: number;
  to: number;
}

/**
 * The API lost sight of its calls to Redis: of those that were on their way between `from` and `to` nobody can know whether
 * they were carried out. `overAt`: the replies came after all, then.
 */
interface Break {
  readonly what: string;
  readonly from: number;
  to: number;
  overAt?: number;
}

/** Writes of this time that the store had acknowledged and does not know any more. */
interface Forgotten {
  readonly from: number;
  readonly to: number;
}

/** A write has reached the replica so long after it was answered, at the latest. */
export const REPLICATION_MS = 500;

/** Everything that was seen from outside during one run. */
export class History {
  readonly sends: Send[] = [];
  readonly received: Received[] = [];
  readonly stays: Stay[] = [];
  readonly risks: Risk[] = [];
  readonly breaks: Break[] = [];
  readonly forgotten: Forgotten[] = [];
  /** `<user> <id>`, and when its acknowledgement was first sent, on which connection. */
  readonly acknowledged = new Map<string, { readonly at: number; readonly connection: number }>();
  /** Users of whom a verify was sent on a connection that never got an answer. */
  readonly unanswered = new Set<string>();
  /** Broken promises that an actor saw at once. */
  readonly violations: string[] = [];
  readonly steps: string[] = [];
  readonly startedAt = performance.now();
  #connections = 0;

  /** The store may have forgotten this: a failover has lost it. */
  mayHaveForgotten({ sentAt, acceptedAt = Number.POSITIVE_INFINITY }: Pick<Send, 'sentAt' | 'acceptedAt'>): boolean {
    return this.forgotten.some(({ from, to }) => sentAt <= to && acceptedAt >= from - REPLICATION_MS);
  }

  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }

  step(text: string): void {
    this.steps.push(`${String(Math.round(performance.now() - this.startedAt)).padStart(6)} ms  ${text}`);
  }

  acknowledge(what: string, connection: number): void {
    if (!this.acknowledged.has(what)) this.acknowledged.set(what, { at: performance.now(), connection });
  }

  /** At this moment. */
  broke(what: string): Break {
    const now = performance.now();
    const one: Break = { what, from: now, to: now };
    this.breaks.push(one);
    return one;
  }

  risk(what: string): Risk {
    const risk: Risk = { what, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.risks.push(risk);
    return risk;
  }
}
