import { ExitCode } from './failure.ts';

/** Aborts at Ctrl-C (the exit code then says so), SIGTERM or a closed terminal, instead of ending at once; a second Ctrl-C ends at once. */
export function onInterrupt(): AbortSignal {
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort()).once('SIGHUP', () => ended.abort());
  process.on('SIGINT', () => {
    if (ended.signal.aborted) process.exit(ExitCode.interrupted);
    process.exitCode = ExitCode.interrupted;
    ended.abort();
  });
  return ended.signal;
}
