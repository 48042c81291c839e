// npm run test:faults -- --seeds N [--seed S] [--cluster] [--profile P] [--at-once K] [--duration MS] [--story] [--bail]
// Each seed is one run of the whole system under faults; the same seed has the same schedule. Exit code 1 when a promise
// was broken. --story prints what was done, seen and logged; --scenario stalled, silent, overtaking or upgrade runs that one instead
// of seeds.
import { parseArgs } from 'node:util';
import { runAsking } from './asking/run.ts';
import { runOvertaking } from './overtaking.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { PROFILES } from './schedule.ts';
import { runSilent } from './silent.ts';
import { runStalled } from './stalled.ts';
import { runUpgrade } from './upgrade.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    cluster: { type: 'boolean', default: false },
    profile: { type: 'string' },
    'at-once': { type: 'string', default: '1' },
    duration: { type: 'string', default: '7000' },
    story: { type: 'boolean', default: false },
    bail: { type: 'boolean', default: false },
    scenario: { type: 'string' },
  },
});

const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.seed) + i);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const profile = PROFILES.find((name) => name === values.profile);
let broken = 0;

function report({ summary, violations, story }: SeedResult): void {
  say(summary);
  for (const violation of violations.slice(0, 30)) say(`   ${violation}`);
  if (violations.length === 0) return;
  broken += 1;
  if (values.story) say(story);
  if (values.bail) seeds.length = 0;
}

async function work(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    report(await runSeed({ seed, cluster: values.cluster, profile, durationMs: Number(values.duration) }));
  }
}

const scenarios: Readonly<Record<string, { summary: string; run: () => Promise<string[]> }>> = {
  stalled: { summary: 'a reader that stalls on a gateway that is killed', run: runStalled },
  overtaking: { summary: 'what goes directly behind what goes through Redis', run: runOvertaking },
  asking: {
    summary: 'calls that wait, times, keys and groups under faults',
    run: () => runAsking({ seed: Number(values.seed), cluster: values.cluster }),
  },
  upgrade: { summary: 'the version before, replaced by this one under load', run: runUpgrade },
  silent: { summary: 'Redis that stands still under callers who wait', run: () => runSilent({ pauses: 8 }) },
};
const scenario = values.scenario === undefined ? undefined : scenarios[values.scenario];
if (scenario) {
  report({ seed: 0, violations: await scenario.run(), summary: scenario.summary, story: '' });
  say(`${broken} of 1 runs broke a promise`);
} else {
  await Promise.all(Array.from({ length: Number(values['at-once']) }, () => work()));
  say(`${broken} of ${values.seeds} seeds broke a promise`);
}
process.exit(broken > 0 ? 1 : 0);
