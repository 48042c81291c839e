import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { FloodLimiter, withoutSecrets } from '../../shared/log-lines.ts';
import { logOutput } from './log-output.ts';

export type GatewayLog = pino.Logger;

const limiters = new WeakMap<GatewayLog, FloodLimiter>();

/**
 * One line of JSON per step, with ids and reason codes. Fields that shared/log-lines.ts does not name are left out;
 * of a flood of warnings only some are logged. `pretty` is for people, on one machine.
 */
export function createLog(
  options: { level: string; format: 'json' | 'pretty'; gateway?: string },
  destination?: DestinationStream,
): GatewayLog {
  const limiter = new FloodLimiter();
  const settings: LoggerOptions = {
    level: options.level,
    base: { part: 'gateway', ...(options.gateway === undefined ? {} : { gateway: options.gateway }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: withoutSecrets },
    hooks: {
      logMethod(args, method, level) {
        const kept = limiter.filter(args, level, performance.now());
        if (kept) method.apply(this, kept as typeof args);
      },
    },
  };
  const log = logOf(settings, options.format, destination);
  limiters.set(log, limiter);
  return log;
}

/** Logs the number of lines that were left out of floods that are over. To be called at intervals. */
export function reportSuppressed(log: GatewayLog): void {
  for (const [of, count] of limiters.get(log)?.takeOver(performance.now()) ?? []) {
    log.info({ event: 'suppressed', of, count }, 'lines of this event were suppressed');
  }
}

function logOf(
  settings: LoggerOptions,
  format: 'json' | 'pretty',
  destination: DestinationStream | undefined,
): GatewayLog {
  if (format === 'pretty')
    return pino({ ...settings, transport: { target: 'pino-pretty', options: { destination: 1 } } });
  return pino(settings, destination ?? logOutput());
}
