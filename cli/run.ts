import { CommanderError } from 'commander';
import { createProgram } from './program.ts';
import { ExitCode, Failure, failureWord, INTERNAL_WORD } from './support/failure.ts';
import { Output } from './support/output.ts';

/** Runs a command line without the name of the program. The exit code is in `process.exitCode`. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // Read from the arguments, because a command line that cannot be parsed has no options.
    process.exitCode = explain(error, new Output({ json: args.includes('--json'), quiet: false }));
  }
}

function explain(error: unknown, output: Output): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.done;
    // Commander has already printed the text, and the help.
    if (output.isJson) output.failure(failureWord[ExitCode.usage], error.message.replace(/^error: /, ''));
    return ExitCode.usage;
  }
  if (!(error instanceof Failure)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    output.failure(INTERNAL_WORD, text, 'This is a bug in fronttcp. Please report it with the message above.');
    return ExitCode.failed;
  }
  output.failure(error.word, error.message, error.nextStep);
  return error.exitCode;
}
