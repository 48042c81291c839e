import { type DestinationStream, pino } from 'pino';

export type Log = pino.Logger;

/** JSON lines with ids and reason codes; `pretty` is for people, on one machine. The field names are the gateway's. */
export function createLog(
  options: { level: string; format: 'json' | 'pretty' },
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Log {
  const settings = {
    level: options.level,
    base: { part: 'api' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['token', 'password', '*.token', '*.password', 'body', '*.body'], censor: '[redacted]' },
  };
  if (options.format === 'json') return pino(settings, destination);
  return pino({ ...settings, transport: { target: 'pino-pretty', options: { destination: 1 } } });
}
