import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Redis client inside a function's bundle. A bundle holds only one. */
export type RedisDriver = 'ioredis' | 'upstash';

/**
 * The location of the bundles that `scripts/bundle.mjs` makes and the published package contains:
 * `functions/<driver>/<name>/index.mjs` and `gateway/{Dockerfile,main.mjs}`.
 */
export class Artifacts {
  readonly directory: string;

  constructor(directory: string = join(packageRoot(), 'dist')) {
    this.directory = directory;
  }

  functionBundle(name: string, driver: RedisDriver): string {
    return this.#existing(join('functions', driver, name), 'index.mjs');
  }

  gatewayImage(): string {
    return this.#existing('gateway', 'main.mjs');
  }

  #existing(folder: string, file: string): string {
    const path = join(this.directory, folder);
    if (!existsSync(join(path, file))) {
      throw new Error(`There is no bundle ${join(path, file)}: run "node scripts/bundle.mjs" before the synthesis.`);
    }
    return path;
  }
}

/** The same result in the sources (lib/) and in the compiled package (dist/lib/). */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}
