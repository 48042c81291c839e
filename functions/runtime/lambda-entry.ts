import type { Handler } from '../http/serve.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { startedOnce } from './started-once.ts';

/** The entry of a Lambda function that works on the store. */
export function lambdaEntry(createHandler: (runtime: Runtime) => Handler): Handler {
  return startedOnce(async () => createHandler(await createRuntime(process.env)));
}
