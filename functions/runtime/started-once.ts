import type { Handler } from '../http/serve.ts';

/**
 * The runtime of a function is made on the first request of the sandbox and kept. Not while the module loads, because the
 * secrets extension replies only once requests come. A failed start is tried again.
 */
export function startedOnce(start: () => Promise<Handler>): Handler {
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
