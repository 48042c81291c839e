import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { faults } from './faults.ts';
import { Load } from './load.ts';
import { lastingKeys, type Sample, takeSample } from './samples.ts';
import { startSystem } from './system.ts';
import { judge } from './verdict.ts';

/**
 * `npm run soak -- --minutes N [--json]`: two gateways, the API and a Redis of their own under a mixed load with faults.
 * Exit code 1 when memory, files, Redis keys or timers grow, or do not come back when everybody has left.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, json: { type: 'boolean' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not a number of minutes`);

const USERS = Array.from({ length: 200 }, (_, i) => `u${i}`);
const SAMPLE_MS = 2_000;
const FAULT_MS = 15_000;
const REST_MS = 15_000;
/** Keys that may stay in Redis when everybody has left; any other is a leak. */
const LASTING =
  /^(?:user:\*|mailbox:\*|mailbox_bytes:\*|mailbox_senders:\*|mailbox_expiry:\*|users|gateways|gateway:\*|inbox:\*|sessions:\*|events|stats|message_id|sweep_cursor|sweep_scan|sweep_pause|front_tcp:\*|audit)$/;

const startedAt = performance.now();
const system = await startSystem(USERS);
await delay(5_000);
const before = await takeSample(system, startedAt);
const load = new Load(system, USERS);
load.start();

const samples: Sample[] = [];
const inflicted = new Map<string, number>();
const end = performance.now() + minutes * 60_000;
let nextFault = performance.now() + FAULT_MS;
for (let at = 0; performance.now() < end; ) {
  await delay(SAMPLE_MS);
  const sample = await takeSample(system, startedAt).catch(() => undefined);
  if (sample) samples.push(sample);
  const fault = faults[at % faults.length];
  if (performance.now() < nextFault || fault === undefined) continue;
  at += 1;
  nextFault = performance.now() + FAULT_MS;
  await fault.inflict(system);
  inflicted.set(fault.name, (inflicted.get(fault.name) ?? 0) + 1);
}
await load.stop();
await delay(REST_MS);
const after = await takeSample(system, startedAt);
const lasting = await lastingKeys(system);
const hasEnded = system.gateway.child.exitCode !== null;
await system.stop();

const findings = judge(before, samples, after);
const leaked = [...lasting.keys()].filter((kind) => !LASTING.test(kind));
const isFine = findings.every((finding) => finding.isFine) && leaked.length === 0 && !hasEnded;
const report = {
  minutes,
  counts: load.counts,
  faults: Object.fromEntries(inflicted),
  findings,
  lasting: Object.fromEntries(lasting),
  isFine,
};
if (values.json) console.log(JSON.stringify(report, null, 2));
else {
  console.log(`${minutes} min`, load.counts, report.faults);
  for (const { what, early, late, isFine: fine } of findings)
    console.log(`${fine ? 'ok  ' : 'GROWS'} ${what}: ${early} → ${late}`);
  for (const [kind, count] of lasting) console.log(`${LASTING.test(kind) ? 'ok  ' : 'LEFT'} ${kind}: ${count}`);
}
process.exitCode = isFine ? 0 : 1;
