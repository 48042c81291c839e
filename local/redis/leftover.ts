import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { isAlive } from '../../shared/process.ts';
import { ask } from './ping.ts';

/** The note of a start beside its data, so that the next start can find its processes. */
const noteSchema = z.object({ url: z.url(), pid: z.int().positive(), owner: z.int().positive() });
type Note = z.infer<typeof noteSchema>;

const stopTimeoutMs = 15_000;
const noteFile = (dataDir: string): string => join(dataDir, 'running.json');

export async function writeNote(dataDir: string, note: Note): Promise<void> {
  await writeFile(noteFile(dataDir), `${JSON.stringify(note)}\n`);
}

export async function removeNote(dataDir: string): Promise<void> {
  await rm(noteFile(dataDir), { force: true });
}

/**
 * Two servers on one append-only file would ruin it. Stops a Redis that an earlier start left running in this data
 * directory; refuses when the process that owns it is alive. It is recognised by its own reply, with its pid and its
 * data directory, so a pid or port that was reused since is left alone.
 */
export async function clearLeftover(dataDir: string, say: (line: string) => void): Promise<void> {
  const note = await readNote(dataDir);
  if (note === undefined) return;
  if (await isOurs(note, dataDir)) {
    if (isAlive(note.owner)) {
      throw new Error(
        `${dataDir} is in use by process ${note.owner} and its Redis at ${note.url}: stop that one first`,
      );
    }
    say(`Stopping the Redis that an earlier start left at ${note.url}`);
    // The reply to SHUTDOWN is a closed connection.
    await ask(note.url, 'SHUTDOWN').catch(() => undefined);
    const deadline = Date.now() + stopTimeoutMs;
    while (isAlive(note.pid)) {
      if (Date.now() > deadline) throw new Error(`the Redis of an earlier start, process ${note.pid}, does not stop`);
      await delay(50);
    }
  }
  await removeNote(dataDir);
}

async function readNote(dataDir: string): Promise<Note | undefined> {
  const text = await readFile(noteFile(dataDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch (error) {
    // Incomplete because the machine stopped: no process of that time is running any more.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

async function isOurs(note: Note, dataDir: string): Promise<boolean> {
  try {
    const about = String(await ask(note.url, 'INFO', 'server'));
    const setting = z.tuple([z.string(), z.string()]).parse(await ask(note.url, 'CONFIG', 'GET', 'dir'));
    return about.includes(`process_id:${note.pid}\r`) && setting[1] === (await realpath(dataDir));
  } catch {
    // No process responds there, or another one than this Redis.
    return false;
  }
}
