/** The exit codes of the program; `fronttcp --help` lists them, and scripts rely on them. */
export const ExitCode = {
  done: 0,
  /** Refused or failed: the command was not carried out, or only in part. */
  failed: 1,
  /** The command line or the environment is wrong. */
  usage: 2,
  /** The API, the gateway or Redis is unreachable. A later attempt may succeed. */
  unreachable: 3,
  /** Not logged in, or not allowed. */
  notAllowed: 4,
  /** Ended by Ctrl-C: the number that shells use. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An expected failure: printed as one sentence, with the next step. */
export class Failure extends Error {
  override name = 'Failure';
  readonly exitCode: ExitCode;
  readonly nextStep: string | undefined;
  /** The response of the HTTP API, where it is the reason. */
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

/** The API is reachable, but accepts nothing now: repeat the same call later. */
export class BusyFailure extends Failure {
  override name = 'BusyFailure';
  readonly retryAfterSeconds: number;

  constructor(exitCode: ExitCode, message: string, retryAfterSeconds: number | undefined) {
    super(exitCode, message, `Try again ${retryAfterSeconds === undefined ? 'later' : `in ${retryAfterSeconds} s`}.`);
    this.retryAfterSeconds = retryAfterSeconds ?? 1;
  }
}
