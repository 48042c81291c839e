import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseConfig } from '../gateway/config.ts';
import { EnvironmentError } from '../shared/settings.ts';
import { collectMistakes, readListenSettings } from './http/listen-settings.ts';
import { hasPrettyLog } from './program.ts';

type Variables = NodeJS.ProcessEnv;

export interface StartSettings {
  gateways: number;
  /** The module of the upstream function. */
  upstream: string | undefined;
  api: { host: string; port: number };
  /** The port of the first gateway; the i-th listens on `port + 2i`, its health on `healthPort + 2i`. */
  gateway: { host: string; port: number; healthPort: number };
}

const MAX_GATEWAYS = 64;
/** The URL is not set before Redis is started: everything else is checked first. */
const SOME_REDIS = 'redis://127.0.0.1:6379';

/** The command line or the environment is invalid; one line for each mistake. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

const USAGE = 'usage: npm start -- [--gateways N] [--upstream ./handler.ts]';

/** Reads the command line and the environment of `npm start`, completely, before anything is started. Throws SettingsError. */
export function readSettings(args: readonly string[], env: Variables): StartSettings {
  const mistakes: string[] = [];
  const options = collectMistakes(mistakes, () => readOptions(args));
  const complete = { ...localDefaults(env), REDIS_URL: env.REDIS_URL || SOME_REDIS };
  const api = collectMistakes(mistakes, () => readListenSettings(complete));
  const config = collectMistakes(mistakes, () => parseConfig(complete));
  if (mistakes.length > 0 || !options || !api || !config) {
    throw new SettingsError([...new Set(mistakes)].join('\n'));
  }
  const { host, port, healthPort } = config;
  const { gateways, upstream } = options;
  if (port === 0) throw new SettingsError('GATEWAY_PORT must be at least 1: clients could not know the port');
  const last = Math.max(port, healthPort) + 2 * (gateways - 1);
  if (last > 65_535) throw new SettingsError(`--gateways ${gateways}: the last port would be ${last}`);
  return { gateways, upstream, api, gateway: { host, port, healthPort } };
}

/** Defaults of one machine: listen on the loopback address only, log for people, unless the environment sets other values. */
export function localDefaults(env: Variables): Variables {
  return {
    ...env,
    GATEWAY_HOST: env.GATEWAY_HOST || '127.0.0.1',
    LOG_LEVEL: env.LOG_LEVEL || 'warn',
    LOG_FORMAT: hasPrettyLog() ? env.LOG_FORMAT || 'pretty' : 'json',
  };
}

function readOptions(args: readonly string[]): Pick<StartSettings, 'gateways' | 'upstream'> {
  const options = { gateways: { type: 'string', default: '1' }, upstream: { type: 'string' } } as const;
  let values: { gateways: string; upstream?: string | undefined };
  try {
    values = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new EnvironmentError([error instanceof Error ? error.message : String(error), USAGE]);
  }
  const { gateways: text, upstream } = values;
  if (upstream !== undefined && !existsSync(upstream))
    throw new EnvironmentError([`--upstream: ${upstream} does not exist`]);
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_GATEWAYS) return { gateways: count, upstream };
  throw new EnvironmentError([
    `--gateways must be a whole number from 1 to ${MAX_GATEWAYS}, not ${JSON.stringify(text)}`,
  ]);
}
