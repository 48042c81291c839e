import { EnvironmentError } from '../shared/settings.ts';
import { readListenSettings } from './http/listen-settings.ts';
import { type Api, startApi } from './http/server.ts';

/** `npm run api`: the HTTP API alone, from the environment. Exit code 0 after SIGINT or SIGTERM, 1 when it cannot start. */
async function main(): Promise<void> {
  let api: Api;
  try {
    const { host, port } = readListenSettings(process.env);
    api = await startApi({ host, port, env: process.env });
  } catch (error) {
    process.stderr.write(`${startFailure(error)}\n`);
    process.exitCode = 1;
    return;
  }
  // The reader of our output may close it, such as a log service that restarts. The API keeps running.
  process.stdout.on('error', () => undefined);
  process.stdout.write(`HTTP API on ${api.url}\n`);
  const stop = (): void => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    api.close().then(
      () => process.exit(0),
      (error: Error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

function startFailure(error: unknown): string {
  if (error instanceof EnvironmentError) return error.message;
  const { code, address, port, message } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') return `API_PORT: port ${port} of ${address} is taken`;
  if (code === 'EACCES') return `API_PORT: port ${port} of ${address} needs more rights`;
  if (code === 'EADDRNOTAVAIL') return `API_HOST: ${address} is not an address of this machine`;
  return `The API could not start: ${message}`;
}

await main();
