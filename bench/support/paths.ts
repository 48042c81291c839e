import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
/** Files that a run makes on this machine and git ignores: compiled programs, installed peers, Redis's files. */
export const cache = `${root}.fronttcp/bench`;
export const results = `${root}bench/results`;

/** Makes the cache folder, and answers it. */
export async function ensureCache(): Promise<string> {
  await mkdir(cache, { recursive: true });
  return cache;
}
