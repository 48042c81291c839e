// npm run test:long [-- NAME ...]        what takes too long for npm test: all parts, or those with these names
// npm run test:long -- --commit HASH     the part that belongs to this commit, and two planted bugs: what continuous integration runs
// The parts are listed in test/kit/long-parts.ts. The last line is the sum: "N passed, N failed".
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { endWithUs } from '../local/end-with-us.ts';
import { type Counts, countLines, formatCounts } from './kit/counts.ts';
import { type Part, parts, partsNamed, partsOf } from './kit/long-parts.ts';
import { repository } from './kit/process.ts';

const { values, positionals } = parseArgs({ options: { commit: { type: 'string' } }, allowPositionals: true });

/** What vitest runs counts its tests; every other part counts as one. */
async function run({ command }: Part): Promise<Counts> {
  const child = spawn(process.execPath, command, { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] });
  endWithUs(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return countLines(output, code);
}

function chosen(): readonly Part[] {
  if (values.commit !== undefined) return partsOf(values.commit);
  return positionals.length > 0 ? partsNamed(positionals) : parts;
}

let passed = 0;
let failed = 0;
for (const part of chosen()) {
  const startedAt = performance.now();
  process.stdout.write(`== ${part.name}: ${part.command.join(' ')}\n`);
  const counts = await run(part);
  passed += counts.passed;
  failed += counts.failed;
  process.stdout.write(
    `== ${part.name}: ${formatCounts(counts)}, ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`,
  );
}
process.stdout.write(`${formatCounts({ passed, failed })}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
