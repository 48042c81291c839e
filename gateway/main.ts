import { EnvironmentError } from '../shared/settings.ts';
import { parseConfig } from './config.ts';
import { type RunningGateway, startGateway } from './gateway.ts';
import { createLog } from './observe/log.ts';

async function run(): Promise<void> {
  const config = parseConfig(process.env);
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const gateway = await startGateway(config, log);
  console.log(
    `gateway listens on ${config.host}:${gateway.port}, health on ${config.healthHost}:${gateway.healthPort}`,
  );
  stopOnSignal(gateway);
  await gateway.ready;
  process.send?.('ready');
}

function stopOnSignal(gateway: RunningGateway): void {
  let isStopping = false;
  const stop = () => {
    // A second signal ends the process at once.
    if (isStopping) process.exit(1);
    isStopping = true;
    gateway.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Started by a program that holds a channel to us: when that is gone, nobody is left to stop us.
  if (process.connected) process.once('disconnect', stop);
}

await run().catch((error: unknown) => {
  console.error(error instanceof EnvironmentError ? error.message : describe(error));
  process.exit(1);
});

function describe(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `The port is taken: ${error.message}. Set GATEWAY_PORT and HEALTH_PORT to free ones.`;
  }
  return `The gateway could not start: ${error instanceof Error ? error.message : String(error)}`;
}
