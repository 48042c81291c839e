import { CommanderError } from 'commander';
import { createProgram } from '../cli/program.ts';
import { ExitCode, Failure } from '../cli/support/failure.ts';
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
  // Commander has printed the error, or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  const output = new Output({ json: false, quiet: false });
  if (!(error instanceof Failure)) {
    output.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.stderr.write('  This is a mistake of fronttcp itself: please report it, with what stands above.\n');
    return ExitCode.failed;
  }
  output.error(error.message);
  if (error.nextStep !== undefined) process.stderr.write(`  ${error.nextStep}\n`);
  return error.exitCode;
}
