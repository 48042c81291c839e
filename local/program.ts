import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of a program of ours: as it is in a checkout, its bundle in the published package (scripts/bundle.mjs). */
export function programAt(source: URL): string {
  const path = fileURLToPath(source);
  return existsSync(path) ? path : path.replace(/\.ts$/, '.mjs');
}

/** The package does without what makes log lines pretty, which is no small thing to install. */
export function hasPrettyLog(): boolean {
  return programAt(new URL('../gateway/main.ts', import.meta.url)).endsWith('.ts');
}
