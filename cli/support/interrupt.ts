import { isSameSignal } from '../../shared/process.ts';
import { ExitCode } from './failure.ts';

/** Aborts at Ctrl-C (the exit code then says so), SIGTERM or a closed terminal, instead of ending at once; a second Ctrl-C ends at once. */
export function onInterrupt(): AbortSignal {
  const ended = new AbortController();
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAtMs !== undefined) {
      if (!isSameSignal(firstAtMs)) process.exit(ExitCode.interrupted);
      return;
    }
    firstAtMs = performance.now();
    if (signal === 'SIGINT') process.exitCode = ExitCode.interrupted;
    ended.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  return ended.signal;
}
