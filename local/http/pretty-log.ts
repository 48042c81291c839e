import { pino } from 'pino';
import { createLog, type Level, type Log } from '../../functions/runtime/log.ts';

/** The functions' log as people read it, where its formatter is installed (local/program.ts). */
export function prettyLog(level: Level): Log {
  return createLog({ level }, pino.transport({ target: 'pino-pretty', options: { destination: 1 } }));
}
