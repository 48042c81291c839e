/** How the program ends; `fronttcp --help` lists them, and scripts rely on them. */
export const ExitCode = {
  done: 0,
  /** Refused or failed: what was asked did not (wholly) happen. */
  failed: 1,
  /** The command line or the environment is wrong. */
  usage: 2,
  /** The API, the gateway or Redis is out of reach. Trying again later may help. */
  unreachable: 3,
  /** Not logged in, or not allowed. */
  notAllowed: 4,
  /** By Ctrl-C, as shells have it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An end that is not a fault of the program: said in one sentence, with the next step. */
export class Failure extends Error {
  override name = 'Failure';
  readonly exitCode: ExitCode;
  readonly nextStep: string | undefined;
  /** What the HTTP API answered, where that is the reason. */
  readonly status: number | undefined;

  constructor(
    exitCode: ExitCode,
    message: string,
    nextStep?: string,
    options: ErrorOptions & { status?: number } = {},
  ) {
    super(message, options);
    this.exitCode = exitCode;
    this.nextStep = nextStep;
    this.status = options.status;
  }
}

/** The API is there, and takes nothing just now: the same call may be made again after a while. */
export class BusyFailure extends Failure {
  override name = 'BusyFailure';
  readonly retryAfterSeconds: number;

  constructor(exitCode: ExitCode, message: string, retryAfterSeconds: number | undefined) {
    super(exitCode, message, `Try again ${retryAfterSeconds === undefined ? 'later' : `in ${retryAfterSeconds} s`}.`);
    this.retryAfterSeconds = retryAfterSeconds ?? 1;
  }
}
