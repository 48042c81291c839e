import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** The process in which the user's function runs: `function-child.ts <module URL>`. Its parent is function-process.ts. */
export type ToChild = { id: number; payload: string; requestId: string; deadlineMs: number; functionName: string };
export type FromChild =
  | { kind: 'ready'; files: string[] }
  | { kind: 'broken'; message: string }
  | { kind: 'answer'; id: number; payload: string }
  | { kind: 'error'; id: number; errorType: string; errorMessage: string; trace: string[] };

type Handler = (event: unknown, context: object) => unknown;

const say = (message: FromChild): void => {
  process.send?.(message);
};

/** The files to watch for changes of the function. */
const files = new Set<string>();
const watch = (url: string): void => {
  if (url.startsWith('file:') && !url.includes('/node_modules/')) files.add(fileURLToPath(url));
};
watch(process.argv[2] ?? '');

/** In a checkout the helper package is not built: a function in the checkout gets its source. */
const HELPER = new URL('../../sdk/upstream/index.ts', import.meta.url);
const HELPER_NAMES = ['fronttcp/upstream', 'fronttcp-upstream'];
const isCheckout = existsSync(HELPER);

// Node 20 has no such hooks: there only the module itself is watched.
module.registerHooks?.({
  resolve(specifier, context, next) {
    return next(isCheckout && HELPER_NAMES.includes(specifier) ? HELPER.href : specifier, context);
  },
  load(url, context, next) {
    watch(url);
    return next(url, context);
  },
});

async function run(handler: Handler, { id, payload, requestId, deadlineMs, functionName }: ToChild): Promise<void> {
  const context = {
    functionName,
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  try {
    say({ kind: 'answer', id, payload: JSON.stringify(await handler(JSON.parse(payload), context)) ?? 'null' });
  } catch (error) {
    const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    process.stderr.write(`${stack || message}\n`);
    say({ kind: 'error', id, errorType: name, errorMessage: message, trace: stack.split('\n') });
  }
}

process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C is for the parent, which ends this process when it is done.
process.on('SIGINT', () => undefined);
try {
  const loaded: { handler?: Handler; default?: Handler } = await import(process.argv[2] ?? '');
  const handler = loaded.handler ?? loaded.default;
  if (typeof handler !== 'function') throw new Error('it exports no function named handler');
  process.on('message', (message) => void run(handler, message as ToChild));
  say({ kind: 'ready', files: [...files] });
} catch (error) {
  say({ kind: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
