import type { Handler } from '../http/serve.ts';
import { createLog, LEVELS, type Level, type Log } from './log.ts';
import { startedOnce } from './started-once.ts';

/**
 * The entry of a function that does not use Redis: neither a client nor the schema of its settings is in its
 * bundle. It reads only the log level from its environment.
 */
export function staticEntry(createHandler: (parts: { log: Log }) => Handler): Handler {
  return startedOnce(async () => createHandler({ log: createLog({ level: logLevel() }) }));
}

function logLevel(): Level {
  const level = process.env.LOG_LEVEL || 'info';
  if (Object.hasOwn(LEVELS, level)) return level as Level;
  throw new Error(`The environment is wrong:\n  LOG_LEVEL must be one of ${Object.keys(LEVELS).join(', ')}`);
}
