// npm run bench:million: as many connected, verified, answering clients as this machine holds.
import { relative } from 'node:path';
import { Command } from 'commander';
import { describe } from './million/describe.ts';
import { hold } from './million/hold.ts';
import { writeMillion } from './million/result.ts';
import { writeMillionDocument } from './report/document.ts';
import { describeCommit, describeMachine } from './support/machine.ts';
import { results, root } from './support/paths.ts';

const options = new Command('bench:million')
  .description(
    'Connects clients to gateways on this machine until there are enough, or memory ends; then asks all of them.',
  )
  .option('--clients <n>', 'how many to stop at', Number, 1_009_800)
  .option('--per-gateway <n>', 'clients of one gateway process: its file limit is the bound', Number, 19_800)
  .option('--pairs <n>', 'gateways that are filled at a time', Number, 2)
  .option('--heartbeat <s>', 'between two heartbeats of a client', Number, 100)
  .option('--hold <s>', 'how long they only stay', Number, 110)
  .option('--document', 'write the result into docs/performance.md', false)
  .option('--out <file>', 'where the result goes')
  .parse()
  .opts<{
    clients: number;
    perGateway: number;
    pairs: number;
    heartbeat: number;
    hold: number;
    document: boolean;
    out?: string;
  }>();

const startedAt = new Date().toISOString();
const { commit, hasLocalChanges } = await describeCommit();
const held = await hold({
  clients: options.clients,
  perGateway: options.perGateway,
  pairs: options.pairs,
  holdSeconds: options.hold,
  heartbeatSeconds: options.heartbeat,
  say: (line) => process.stderr.write(`${line}\n`),
});
const result = {
  format: 1 as const,
  startedAt,
  commit,
  hasLocalChanges,
  machine: describeMachine(),
  node: process.versions.node,
  ...held,
};
const file = options.out ?? `${results}/million-${startedAt.slice(0, 19).replaceAll(/[-:]/g, '')}-${commit}.json`;
await writeMillion(file, result);
if (options.document) await writeMillionDocument(result);
process.stdout.write(`${describe(result)}\n`);
process.stderr.write(`result: ${relative(root, file)}\n`);
process.exitCode = held.answered === held.verified && held.verified > 0 ? 0 : 1;
