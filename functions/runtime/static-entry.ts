import type { Handler } from '../http/serve.ts';
import { createLog, type Log } from './log.ts';
import { startedOnce } from './started-once.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * The entry of a function that does not use Redis: neither a client nor the schema of its settings is in its
 * bundle. It reads only the log level from its environment.
 */
export function staticEntry(createHandler: (parts: { log: Log }) => Handler): Handler {
  return startedOnce(async () => createHandler({ log: createLog({ level: logLevel(), format: 'json' }) }));
}

function logLevel(): string {
  const level = process.env.LOG_LEVEL || 'info';
  if (LEVELS.includes(level)) return level;
  throw new Error(`The environment is wrong:\n  LOG_LEVEL must be one of ${LEVELS.join(', ')}`);
}
