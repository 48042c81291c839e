import { FloodLimiter, withoutSecrets } from '../../shared/log-lines.ts';

/** The numbers of the levels are those of the gateway's log. */
export const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;

export type Level = keyof typeof LEVELS;

/** Fields by name, then a sentence. */
type Say = (fields: object, message?: string) => void;

export interface Log {
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
}

/**
 * JSON lines with ids and reason codes, in the form of the gateway's (gateway/observe/log.ts). The library of the gateway's log is
 * a sixth of what a function would read before its first request. Fields that shared/log-lines.ts does not list are not logged.
 * Floods of warnings are limited; the line of a request that was carried out is an audit record and is always logged.
 */
export function createLog(
  { level }: { level: Level },
  destination: { write(line: string): void } = process.stdout,
): Log {
  const limiter = new FloodLimiter();
  const say = (number: number): Say => {
    if (number < LEVELS[level]) return () => undefined;
    return (...call) => {
      const allowed = limiter.filter(call, number, performance.now());
      if (allowed === undefined) return;
      const [fields, msg] = allowed as Parameters<Say>;
      const line = { level: number, time: new Date().toISOString(), part: 'api', ...withoutSecrets(fields), msg };
      destination.write(`${JSON.stringify(line)}\n`);
    };
  };
  return { info: say(LEVELS.info), warn: say(LEVELS.warn), error: say(LEVELS.error) };
}
