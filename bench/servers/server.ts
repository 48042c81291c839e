import type { Plan } from '../plan.ts';

/** The generator's protocol: loadgen's -p. */
export type Protocol = 'gw' | 'mqtt' | 'nats' | 'redis' | 'ws' | 'sio' | 'cf';

/** One server under measurement, started fresh for each sample. */
export interface RunningServer {
  readonly port: number;
  /** Whose CPU and memory count as the server's. */
  readonly pids: readonly number[];
  /** Others that work for it, such as Redis: neither the server's CPU nor a disturbance. */
  readonly helpers?: readonly number[];
  stop(): Promise<void>;
}

export interface Server {
  readonly name: string;
  readonly protocol: Protocol;
  /** Remarks for the readers of the table. */
  readonly note?: string;
  /** Undefined when it can run here, after an installation where that is allowed; else why it is left out. */
  missing(plan: Plan): Promise<string | undefined>;
  /** As the program itself tells it. */
  version?(plan: Plan): Promise<string>;
  start(plan: Plan, options?: StartOptions): Promise<RunningServer>;
}

export interface StartOptions {
  /** Extra environment; only our own gateway reads it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** Whose gateway it is; undefined: this one's. */
  readonly checkout?: string | undefined;
}
