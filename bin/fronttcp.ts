import { CommanderError } from 'commander';
import { createProgram } from '../cli/program.ts';
import { ExitCode, Failure } from '../cli/support/failure.ts';
import { Output } from '../cli/support/output.ts';

// A reader that has enough, such as `head`, is no error of ours. What has something to put in order ends as at SIGTERM.
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
  // Commander has said what is wrong, or shown what was asked for.
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
