import type { SonicBoom } from 'sonic-boom';
import sonicBoom from 'sonic-boom';

/** What may wait for a reader of the log that is slow; lines beyond it are dropped. */
const MAX_WAITING_CHARACTERS = 4_194_304;
/** Number of tries, 100 ms apart, at the exit when the reader takes nothing. */
const MAX_RETRIES_AT_EXIT = 20;

let shared: SonicBoom | undefined;

/**
 * Standard output for the log, and for whatever else is written beside it: one of them, with one bound. The event loop does not wait for its reader; when nobody reads any more, the gateway goes on
 * without a log. The output that pino makes by itself (sonic-boom 4) has no bound, and at the exit tries a broken pipe for ever.
 */
export function logOutput(): SonicBoom {
  shared ??= openOutput();
  return shared;
}

function openOutput(): SonicBoom {
  let retriesLeft = Number.POSITIVE_INFINITY;
  const retryEAGAIN = () => {
    retriesLeft -= 1;
    return retriesLeft >= 0;
  };
  const output = new sonicBoom.SonicBoom({ fd: 1, maxLength: MAX_WAITING_CHARACTERS, retryEAGAIN });
  output.on('error', () => undefined);
  process.once('exit', () => {
    retriesLeft = MAX_RETRIES_AT_EXIT;
    try {
      output.flushSync();
    } catch {
      // Nobody reads it.
    }
  });
  return output;
}
