import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RUNNING_SYSTEM_FILE, type RunningSystem } from '../shared/running-system.ts';

/** Writes a file that tells commands run in this folder where the parts listen. Returns a function that removes it. */
export async function writeRunningNote(system: RunningSystem): Promise<() => Promise<void>> {
  const file = resolve(RUNNING_SYSTEM_FILE);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(system, null, 2)}\n`, { mode: 0o600 });
  return async () => {
    // Another system may have been started here since.
    const note = await readFile(file, 'utf8').catch(() => '');
    if (note.includes(`"pid": ${system.pid},`)) await rm(file, { force: true });
  };
}
