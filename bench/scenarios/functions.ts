import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/paths.ts';
import type { Contestant, Measured, ScenarioFile } from './scenario.ts';

const run = promisify(execFile);
const NOTHING = 'node -e 0';
/** Starts of one sample, of which the quickest counts: whatever else the machine does makes the others slower. */
const STARTS = 10;

/** The start of a sandbox: Node starts, and reads the bundle. */
export const functions: ScenarioFile = () => [
  {
    id: 'function-import',
    group: 'How soon a function is there',
    title: 'Node starts and imports a shipped bundle',
    note: `a process of its own each time, the quickest of ${STARTS}; no request, no connection`,
    columns: [{ key: 'ms', label: 'ms', better: 'lower' }],
    baseline: NOTHING,
    isQuick: true,
    contestants: [
      starting(NOTHING),
      starting('the console', 'upstash/console'),
      starting('send-command with Upstash', 'upstash/send-command'),
      starting('send-command with ioredis', 'ioredis/send-command'),
    ],
  },
];

function starting(name: string, bundle?: string): Contestant {
  return {
    name,
    async measure(): Promise<Measured> {
      const folder = await mkdtemp(join(tmpdir(), 'fronttcp-bundles-'));
      try {
        await run(process.execPath, [`${root}scripts/bundle.mjs`, '--out', folder]);
        const path = bundle === undefined ? undefined : join(folder, 'functions', bundle, 'index.mjs');
        const code = path === undefined ? '0' : `await import(${JSON.stringify(path)})`;
        let quickest = Number.POSITIVE_INFINITY;
        for (let start = 0; start < STARTS; start += 1) {
          const startedAt = performance.now();
          await run(process.execPath, ['--input-type=module', '-e', code]);
          quickest = Math.min(quickest, performance.now() - startedAt);
        }
        return { ms: quickest };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
