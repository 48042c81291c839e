import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** One project per folder of test/, so that any area runs alone: `vitest run --project gateway`. */
const areas = readdirSync(new URL('./test/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** What `npm run test:long` runs, and `npm test` does not. */
const LONG = 'test/**/*.long.test.ts';

const project = (name: string, include: string[], exclude: string[]) => ({
  test: {
    name,
    include,
    exclude,
    environment: 'node',
    pool: 'forks' as const,
    // A script that does more work than this in one call fails: twice the step, for what is larger than a step by itself.
    // Gateways use node:net; suites that run on both networks say so, and `NET=native npm test` runs all of them on the addon.
    env: { FRONTTCP_WORK_LIMIT: '10000', NET: process.env.NET ?? 'node' },
    // Files of an area follow each other in the same processes: what they import is loaded once.
    isolate: false,
    // Bounds for a loaded two-core machine, not expectations: what must be quick asserts so itself.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    // Of those that say that they may run at a time.
    maxConcurrency: 3,
  },
});

export default defineConfig({
  test: {
    // Starts one shared plain Redis and one cluster-enabled one for all projects; see the file.
    globalSetup: ['./test/kit/global-setup.ts'],
    // Files wait for real servers much of their time: two more than there are cores keep these busy.
    maxWorkers: Math.min(6, availableParallelism() + 2),
    // Node runs the TypeScript as it is, here too, and keeps what it compiled (test/run.ts): no file is transformed by Vite,
    // and none compiled twice. Nothing is mocked, so no loader is needed either.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    projects: [
      ...areas.map((name) => project(name, [`test/${name}/**/*.test.ts`], [LONG])),
      project('long', [LONG], []),
    ],
  },
});
