import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program of `fronttcp dev`: TypeScript in a checkout, a bundle in the published package. */
export function devProgram(): string {
  const bundled = fileURLToPath(new URL('./dev/start.mjs', import.meta.url));
  return existsSync(bundled) ? bundled : fileURLToPath(new URL('../../local/start.ts', import.meta.url));
}
