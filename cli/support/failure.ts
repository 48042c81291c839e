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
export type FailureCode = Exclude<ExitCode, typeof ExitCode.done>;

/** The stable word of a failure that the API did not name, for `--json` (docs/errors.md). */
export const failureWord = {
  [ExitCode.failed]: 'not_done',
  [ExitCode.usage]: 'usage',
  [ExitCode.unreachable]: 'unreachable',
  [ExitCode.notAllowed]: 'not_allowed',
  [ExitCode.interrupted]: 'interrupted',
} as const;

/** The word for a fault of the program itself, as in the HTTP API. */
export const INTERNAL_WORD = 'internal';

/** An expected failure: printed as one sentence, with the next step. */
export class Failure extends Error {
  override name = 'Failure';
  readonly exitCode: FailureCode;
  readonly nextStep: string | undefined;
  /** Of the refusal by the HTTP API; undefined for a BusyFailure and every other failure. */
  readonly status: number | undefined;
  /** The word of the HTTP API where it refused, else the one of the exit code. */
  readonly word: string;

  constructor(
    exitCode: FailureCode,
    message: string,
    nextStep?: string,
    options: ErrorOptions & { status?: number; word?: string | undefined } = {},
  ) {
    super(message, options);
    this.exitCode = exitCode;
    this.nextStep = nextStep;
    this.status = options.status;
    this.word = options.word ?? failureWord[exitCode];
  }
}

/** The API is reachable, but accepts nothing now: repeat the same call later. */
export class BusyFailure extends Failure {
  override name = 'BusyFailure';
  readonly retryAfterSeconds: number;

  constructor(exitCode: FailureCode, message: string, retryAfterSeconds: number | undefined, word?: string) {
    const nextStep = `Try again ${retryAfterSeconds === undefined ? 'later' : `in ${retryAfterSeconds} s`}.`;
    super(exitCode, message, nextStep, { word });
    this.retryAfterSeconds = retryAfterSeconds ?? 1;
  }
}
