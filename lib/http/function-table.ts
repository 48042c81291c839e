import type { FunctionName } from '../../functions/routes.ts';

export interface FunctionNeeds {
  /** Reads the store's secret, and lives in the VPC when the store does. */
  readonly store: boolean;
  /** Memory is CPU, too: a password hash takes a good deal of it. */
  readonly memoryMiB: number;
  /** Over the deployment's own limit for functions, where a request may wait for a device by its nature. */
  readonly waitSeconds?: number;
  /** The reason why API Gateway itself does not authenticate the route. */
  readonly openBecause: string;
}

/** The longest `timeout_s` of a command that is waited for. */
const MAX_WAIT_SECONDS = 25;

const inHandler =
  'The handler checks the token in the same round trip in which it acts, so that a revocation holds at once.';

/** The settings of each function. The compiler requires a row for every function of the route table. */
export const functionTable: Readonly<Record<FunctionName, FunctionNeeds>> = {
  login: { store: true, memoryMiB: 1024, openBecause: 'A user who logs in has no token yet.' },
  logout: { store: true, memoryMiB: 512, openBecause: inHandler },
  'send-command': { store: true, memoryMiB: 512, waitSeconds: MAX_WAIT_SECONDS, openBecause: inHandler },
  commands: { store: true, memoryMiB: 512, openBecause: inHandler },
  groups: { store: true, memoryMiB: 512, openBecause: inHandler },
  users: { store: true, memoryMiB: 512, openBecause: inHandler },
  stats: { store: true, memoryMiB: 512, openBecause: inHandler },
  'dead-letters': { store: true, memoryMiB: 512, openBecause: inHandler },
  tokens: { store: true, memoryMiB: 512, openBecause: inHandler },
  console: { store: false, memoryMiB: 256, openBecause: 'A page without data; it logs in like everyone.' },
  openapi: { store: false, memoryMiB: 256, openBecause: 'The public description of this API.' },
};
