import type { Plan } from '../plan.ts';
import type { Column } from '../report/results.ts';
import type { Server } from '../servers/server.ts';

/** Figures of one sample by column, and what else was noted; undefined: not measured this time. */
export type Measured = Readonly<Record<string, number | undefined>>;

export interface Contestant {
  readonly name: string;
  /** Starts fresh, measures once, stops. */
  measure(plan: Plan): Promise<Measured>;
}

/** One comparison: the same work given to each contestant in turn, in every round. */
export interface Scenario {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  /** How it was run, and remarks for the reader. */
  readonly note?: string;
  /** The first is what contestants are judged by. */
  readonly columns: readonly Column[];
  /** Whose median the others are divided by. */
  readonly baseline?: string;
  /** Whether a quick run has it. */
  readonly isQuick: boolean;
  readonly contestants: readonly Contestant[];
}

/** Makes the scenarios of one file for the servers that are there. */
export type ScenarioFile = (servers: readonly Server[], plan: Plan) => readonly Scenario[];
