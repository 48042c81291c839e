import { CommanderError } from 'commander';
import { createProgram } from '../cli/program.ts';
import { ExitCode, Failure, failureWord, INTERNAL_WORD } from '../cli/support/failure.ts';
import { Output } from '../cli/support/output.ts';

// A reader that closes the pipe, such as `head`, is not an error. Commands with clean-up work end as at SIGTERM.
let hasReader = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (hasReader && !process.emit('SIGTERM', 'SIGTERM')) process.exit(ExitCode.done);
  hasReader = false;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  // Read from the arguments, because a command line that cannot be parsed has no options.
  const output = new Output({ json: process.argv.includes('--json'), quiet: false });
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.done;
    // Commander has already printed the text, and the help.
    if (output.isJson) output.failure(failureWord[ExitCode.usage], error.message.replace(/^error: /, ''));
    return ExitCode.usage;
  }
  if (!(error instanceof Failure)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    output.failure(
      INTERNAL_WORD,
      text,
      'This is a mistake of fronttcp itself: please report it, with what stands above.',
    );
    return ExitCode.failed;
  }
  output.failure(error.word, error.message, error.nextStep);
  return error.exitCode;
}
