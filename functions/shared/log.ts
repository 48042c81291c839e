import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { FloodLimiter, withoutSecrets } from '../../contract/log-lines.ts';

export type Log = pino.Logger;

const WARN = 40;

/**
 * JSON lines with ids and reason codes; `pretty` is for people, on one machine. The field names are the gateway's, and what
 * contract/log-lines.ts does not name is not said. Of a flood of warnings some are; the line of a request that was
 * carried out is a record of who did what, and never left out.
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
        const [line, ...rest] = args as unknown as [unknown, ...unknown[]];
        if (level < WARN || !hasEvent(line)) return method.apply(this, args);
        const suppressed = limiter.admit(`${line.event} ${String(line.reason)}`, performance.now());
        if (suppressed === undefined) return;
        const said = suppressed === 0 ? line : { ...line, suppressed };
        method.apply(this, [said, ...rest] as unknown as typeof args);
      },
    },
  };
  if (options.format === 'json') return pino(settings, destination);
  return pino({ ...settings, transport: { target: 'pino-pretty', options: { destination: 1 } } });
}

function hasEvent(line: unknown): line is { event: string; reason?: unknown } {
  return typeof line === 'object' && line !== null && 'event' in line && typeof line.event === 'string';
}
