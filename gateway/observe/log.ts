import { pino } from 'pino';

export type Log = pino.Logger;

/** One line of JSON per step, with ids and reason codes; never a body or a token. `pretty` is for people, on one machine. */
export function createLog(options: { level: string; format: 'json' | 'pretty'; gateway?: string }): Log {
  return pino({
    level: options.level,
    base: { part: 'gateway', ...(options.gateway === undefined ? {} : { gateway: options.gateway }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['token', 'password', '*.token', '*.password', 'body', '*.body'], censor: '[redacted]' },
    ...(options.format === 'pretty' ? { transport: { target: 'pino-pretty', options: { destination: 1 } } } : {}),
  });
}
