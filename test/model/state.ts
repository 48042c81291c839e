export type Form = 'plain' | 'ack';

interface Connection {
  readonly number: number;
  isOpen: boolean;
  /** What it was sent, by message id. */
  readonly got: string[];
}

export interface Session {
  connection: number;
  epoch: number;
  sinceEpoch: number;
  holder: string;
  state: 'live' | 'waits' | 'suspended';
  lastSent: number;
}

export interface Gateway {
  readonly name: string;
  /** Each join has an id of its own. */
  joins: number;
  state: 'held' | 'lost' | 'dead';
  session: Session | undefined;
  /** The highest message id that it has seen. */
  seenId: number;
  /** Its connection to Redis broke, and what it has not confirmed may be wrong. */
  hasToConfirm: boolean;
}

/** Everything beside the store. Plain data: copied for each branch. */
export interface State {
  gateways: Gateway[];
  connections: Connection[];
  /** The fleet's clock, ms. */
  clockMs: number;
  /** Every epoch that a claim was given, in order. */
  epochs: number[];
  /** The connection that was verified last, unless it has ended: the one that is to be open in the end. */
  newest: number | undefined;
  /** Connections below this number were there when the user was kicked. */
  kickedBelow: number;
  sent: string[];
  /** How often what happened: bounds the exploration. */
  counts: Record<string, number>;
  calls: number;
  violations: string[];
}

export const HOUR_MS = 3_600_000;

export function initialState(): State {
  const gateway = (name: string): Gateway => {
    return { name, joins: 0, state: 'lost', session: undefined, seenId: 0, hasToConfirm: false };
  };
  return {
    gateways: [gateway('a'), gateway('b')],
    connections: [],
    clockMs: Date.now() + HOUR_MS,
    epochs: [],
    newest: undefined,
    kickedBelow: 0,
    sent: [],
    counts: {},
    calls: 0,
    violations: [],
  };
}
