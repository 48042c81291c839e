import { EnvironmentError } from '../shared/settings.ts';
import { parseConfig } from './config.ts';
import { type RunningGateway, startGateway } from './gateway.ts';
import { createLog, type GatewayLog } from './observe/log.ts';

async function run(): Promise<void> {
  const config = parseConfig(process.env);
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  endOnFailure(log);
  const gateway = await startGateway(config, log);
  stopOnSignal(gateway);
  console.log(
    `gateway listens on ${config.host}:${gateway.port}, health on ${config.healthHost}:${gateway.healthPort}, net ${gateway.network}`,
  );
  await gateway.ready;
  process.send?.('ready');
}

/**
 * A background loop that ends with an error leaves a gateway that looks alive and does only part of its work: the process
 * ends instead. Its platform starts another, and the other gateways take over its sessions.
 */
function endOnFailure(log: GatewayLog): void {
  const end = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error({ event: 'background_failed', error: String(error), stack }, 'a background task ended with an error');
    console.error(`The gateway ends, because a background task failed: ${String(error)}. Please report this as a bug.`);
    process.exit(1);
  };
  process.on('unhandledRejection', end);
  process.on('uncaughtException', end);
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
  // The program that started us holds a channel: when it is gone, nobody is left to stop this process.
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
