import { readFile } from 'node:fs/promises';
import { isAlive } from '../../shared/process.ts';
import { RUNNING_SYSTEM_FILE, type RunningSystem, runningSystemSchema } from '../../shared/running-system.ts';
import { jsonOf } from './typed-json.ts';

/** The running `fronttcp dev` (or `npm start`) of this folder, if any. */
export async function findLocalSystem(): Promise<RunningSystem | undefined> {
  const text = await readFile(RUNNING_SYSTEM_FILE, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = runningSystemSchema.safeParse(jsonOf(text));
  // A killed process could not remove its note.
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

/** Returns whether an address, as in a URL, is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(hostname);
}
