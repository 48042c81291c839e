import type { Handler } from '../http/serve.ts';
import { readLogEnvironment } from './environment.ts';
import { createLog, type Log } from './log.ts';
import { createRuntime, type Runtime } from './runtime.ts';

/**
 * The entry of a Lambda function: what it needs is made on the first request of the sandbox and kept. Not while the
 * module loads, because the secrets extension answers only once requests come. A failed start is tried again.
 */
export function lambdaEntry(createHandler: (runtime: Runtime) => Handler): Handler {
  return startedOnce(async () => createHandler(await createRuntime(process.env)));
}

/** For a function that has no business with Redis, and so none of its settings. */
export function lambdaEntryWithoutStore(createHandler: (parts: { log: Log }) => Handler): Handler {
  return startedOnce(async () => createHandler({ log: createLog(readLogEnvironment(process.env)) }));
}

function startedOnce(start: () => Promise<Handler>): Handler {
  let started: Promise<Handler> | undefined;
  return async (event) => {
    started ??= start();
    let handler: Handler;
    try {
      handler = await started;
    } catch (error) {
      started = undefined;
      throw error;
    }
    return handler(event);
  };
}
