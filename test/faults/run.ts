// npm run test:faults -- --seeds N [--seed S] [--cluster] [--at-once K] [--duration MS]
// Each seed is one run of the whole system under faults; the same seed has the same schedule. Exit code 1 when a promise was broken.
import { parseArgs } from 'node:util';
import { runSeed } from './run-seed.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    cluster: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    duration: { type: 'string', default: '7000' },
    story: { type: 'boolean', default: false },
    /** Ends at the first broken promise. */
    bail: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed);
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => first + i);
let broken = 0;

async function work(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const result = await runSeed({ seed, cluster: values.cluster, durationMs: Number(values.duration) });
    process.stdout.write(`${result.summary}\n`);
    for (const violation of result.violations.slice(0, 30)) process.stdout.write(`   ${violation}\n`);
    if (result.violations.length === 0) continue;
    broken += 1;
    if (values.story) process.stdout.write(`${result.story}\n`);
    if (values.bail) seeds.length = 0;
  }
}

await Promise.all(Array.from({ length: Number(values['at-once']) }, () => work()));
process.stdout.write(`${broken} of ${values.seeds} seeds broke a promise\n`);
process.exit(broken > 0 ? 1 : 0);
