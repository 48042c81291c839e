import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The path of a program of this package: as it is in a checkout, its bundle in the published package (scripts/bundle.mjs). */
export function programAt(source: URL): string {
  const path = fileURLToPath(source);
  return existsSync(path) ? path : path.replace(/\.ts$/, '.mjs');
}

/** The formatter of log lines is a large dependency: the package, and `npm ci --omit=dev`, do not have it. */
export function hasPrettyLog(): boolean {
  try {
    createRequire(import.meta.url).resolve('pino-pretty');
    return programAt(new URL('../gateway/main.ts', import.meta.url)).endsWith('.ts');
  } catch {
    return false;
  }
}
