/** How a run measures; the same for all its rows. */
export interface Plan {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Length of one window, s, and of its unmeasured beginning. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** The server alone has the one, the generator and everything else the other; undefined where there is only one CPU. */
  readonly serverCpus: string | undefined;
  readonly loadCpus: string | undefined;
  /** Negative: before the machine's other work, where this user may. */
  readonly niceness: number;
  /** Whether peers may be installed. */
  readonly mayInstall: boolean;
  /** Another checkout of this project, whose gateway takes part in alternation with this one's. */
  readonly beside: string | undefined;
  /** A program that is given work as a peer: `node PROGRAM … PORT`; undefined: none. */
  readonly prototype: readonly string[] | undefined;
  /** Where our gateway writes a CPU profile of each sample; undefined: none is made. */
  readonly profileFolder: string | undefined;
  readonly say: (line: string) => void;
}
