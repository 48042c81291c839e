import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** One project per folder of test/, so that any area runs alone: `vitest run --project gateway`. */
const areas = readdirSync(new URL('./test/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

export default defineConfig({
  test: {
    // Starts one shared plain Redis and one cluster-enabled one for all projects; see the file.
    globalSetup: ['./test/kit/global-setup.ts'],
    // Files wait for real servers a third of their time: one more than there are cores keeps these busy.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    projects: areas.map((name) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        environment: 'node',
        pool: 'forks',
        // Bounds for a loaded two-core machine, not expectations: what must be quick asserts so itself.
        testTimeout: 120_000,
        hookTimeout: 300_000,
        teardownTimeout: 30_000,
        // Of those that say that they may run at a time.
        maxConcurrency: 3,
      },
    })),
  },
});
