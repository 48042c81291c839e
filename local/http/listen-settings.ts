import { z } from 'zod';
import { EnvironmentError, readEnvironment } from '../../functions/runtime/environment.ts';

const schema = z.object({
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .pipe(z.number().max(65_535, 'must be a port number'))
    .default(3000),
});

type Variables = Readonly<Record<string, string | undefined>>;

/** Where the API listens. Throws EnvironmentError with every mistake of the whole environment, the functions' too. */
export function readListenSettings(env: Variables): { host: string; port: number } {
  const mistakes: string[] = [];
  try {
    readEnvironment(env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    mistakes.push(...error.mistakes);
  }
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const own = schema.safeParse(set);
  if (!own.success) mistakes.push(...own.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  if (!own.success || mistakes.length > 0) throw new EnvironmentError(mistakes);
  return { host: own.data.API_HOST, port: own.data.API_PORT };
}
