import { readFile } from 'node:fs/promises';
import { RUNNING_SYSTEM_FILE, type RunningSystem, runningSystemSchema } from '../../shared/running-system.ts';

/** The `fronttcp dev` (or `npm start`) that runs in this folder, if one does. */
export async function findLocalSystem(): Promise<RunningSystem | undefined> {
  const text = await readFile(RUNNING_SYSTEM_FILE, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = runningSystemSchema.safeParse(jsonOf(text));
  // One that was killed could not take its note away.
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

/** Whether an address, as in a URL, is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(hostname);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
