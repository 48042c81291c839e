import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { FloodLimiter, withoutSecrets } from '../../shared/log-lines.ts';

export type Log = pino.Logger;

/**
 * JSON lines with ids and reason codes; `pretty` is for people, on one machine. The field names are the gateway's, and fields
 * that shared/log-lines.ts does not list are not logged. Floods of warnings are limited; the line of a request that was
 * carried out is an audit record and is always logged.
 */
export function createLog(
  options: { level: string; format: 'json' | 'pretty' },
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Log {
  const limiter = new FloodLimiter();
  const settings: LoggerOptions = {
    level: options.level,
    base: { part: 'api' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: withoutSecrets },
    hooks: {
      logMethod(args, method, level) {
        const allowed = limiter.filter(args, level, performance.now());
        if (allowed) method.apply(this, allowed as typeof args);
      },
    },
  };
  if (options.format === 'json') return pino(settings, destination);
  return pino({ ...settings, transport: { target: 'pino-pretty', options: { destination: 1 } } });
}
