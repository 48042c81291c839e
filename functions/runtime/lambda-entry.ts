import type { Handler } from '../http/serve.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { startedOnce } from './started-once.ts';

/** The entry of a Lambda function that works on the store. */
export function lambdaEntry(createHandler: (runtime: Runtime) => Handler): Handler {
  // Node then reads its root certificates on another thread while the sandbox starts, and the first request need not wait.
  if (process.env.REDIS_URL?.startsWith('rediss:')) process.getBuiltinModule?.('node:tls');
  return startedOnce(async () => createHandler(await createRuntime(process.env)));
}
