import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Areas that cannot run here, with commas between them: see test/run.ts. */
const leftOut = (process.env.FRONTTCP_TEST_WITHOUT ?? '').split(',').filter(Boolean);

/** Each folder of test/ is an area. */
const areas = readdirSync(new URL('./test/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .filter((name) => !leftOut.includes(name));

/**
 * Areas with processes of their own: they load much that the others do not need (the CDK, a browser's driver), or choose the
 * network for their whole process.
 */
const ownProcesses = ['cdk', 'console', 'net'].filter((name) => areas.includes(name));

/** With `--project gateway`, every area is a project by its name. Without, most areas follow each other in the same processes. */
const areProjectsNamed = process.argv.some((arg) => arg.startsWith('--project'));

/** What `npm run test:long` runs, and `npm test` does not. */
const LONG = 'test/**/*.long.test.ts';

const filesOf = (area: string): string => `test/${area}/**/*.test.ts`;

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
    // Files of a project follow each other in the same processes: what they import is loaded once.
    isolate: false,
    // Bounds for a loaded two-core machine, not expectations: what must be quick asserts so itself.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    // Of those that say that they may run at a time.
    maxConcurrency: 3,
  },
});

/** They wait for timers most of their time, and longest: beside them the areas run that need the processor. */
const waitLongest = ['faults/faults.test.ts', 'hostile/http.test.ts', 'observe/alerts.test.ts'];

/** What takes longest begins early, so that no worker is left with it at the end; what waits beside what computes. */
const begunEarly = [
  'functions/away',
  'store/restore',
  'package/',
  'model/',
  'examples/',
  'docs/',
  'upstream/events',
  'kit/end-with-us',
  'lambda/',
  'hostile/',
  'faults/',
  'observe/',
  'cli/document',
  'cli/json',
  'gateway/redis-away',
  'gateway/',
  'account/',
  'upstream/',
  'store/',
  'cli/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    const rank = ({ moduleId, project }: TestSpecification): number => {
      if (waitLongest.some((name) => moduleId.endsWith(`/test/${name}`))) return -1;
      const at = begunEarly.findIndex((start) => moduleId.includes(`/test/${start}`));
      return projects.indexOf(project) * (begunEarly.length + 1) + (at < 0 ? begunEarly.length : at);
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // Starts one shared plain Redis and one cluster-enabled one for all projects; see the file.
    globalSetup: ['./test/kit/global-setup.ts'],
    // Files wait for real servers much of their time: four more than there are cores keep these busy.
    maxWorkers: Math.min(8, availableParallelism() + 4),
    // Node runs the TypeScript as it is, here too, and keeps what it compiled (test/run.ts): no file is transformed by Vite,
    // and none compiled twice. Nothing is mocked, so no loader is needed either.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    projects: areProjectsNamed
      ? [...areas.map((name) => project(name, [filesOf(name)], [LONG])), project('long', [LONG], leftOut.map(filesOf))]
      : [
          ...ownProcesses.map((name) => project(name, [filesOf(name)], [LONG])),
          project('shared', areas.filter((name) => !ownProcesses.includes(name)).map(filesOf), [LONG]),
        ],
  },
});
