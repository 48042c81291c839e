import { z } from 'zod';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { EnvironmentError, port, readSettings, type Variables } from '../../shared/settings.ts';

const schema = z.object({ API_HOST: z.string().default('127.0.0.1'), API_PORT: port(3000) });

/** Where the API listens. Throws EnvironmentError with every mistake of the whole environment, the functions' too. */
export function readListenSettings(env: Variables): { host: string; port: number } {
  const mistakes: string[] = [];
  collectMistakes(mistakes, () => readEnvironment(env));
  const own = collectMistakes(mistakes, () => readSettings(schema, env));
  if (own === undefined || mistakes.length > 0) throw new EnvironmentError(mistakes);
  return { host: own.API_HOST, port: own.API_PORT };
}

/** Returns the result of `read`; or undefined, with its mistakes appended to the others. */
export function collectMistakes<T>(mistakes: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    mistakes.push(...error.mistakes);
    return undefined;
  }
}
