import { runCommandLine } from '../cli/run.ts';
import { ExitCode } from '../cli/support/failure.ts';

// A reader that closes the pipe, such as `head`, is not an error. Commands with clean-up work end as at SIGTERM.
let hasReader = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (hasReader && !process.emit('SIGTERM', 'SIGTERM')) process.exit(ExitCode.done);
  hasReader = false;
});
// Notes that nobody reads are lost; the work and its clean-up go on.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

await runCommandLine(process.argv.slice(2));
