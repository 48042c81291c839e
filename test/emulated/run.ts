// npm run test:emulated: creates the synthesised stack in moto, an emulator of AWS, looks at what came of it, and plants six
// faults that must be found; then cfn-lint judges the templates of all stores. Not part of npm test: it needs Python with moto and
// cfn-lint (`pip install 'moto[server]' boto3 cfn-lint`; PYTHON names another interpreter). The last line is the sum: "N passed, N failed".
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../local/redis/run.ts';
import { countLines, formatCounts } from '../kit/counts.ts';
import { repository } from '../kit/process.ts';
import { lint } from './lint.ts';

const python = process.env.PYTHON || 'python3';
const cdk = join(repository, 'node_modules/.bin/cdk');
const TIMEOUT_MS = 300_000;

process.chdir(repository);
const folder = await mkdtemp(join(tmpdir(), 'fronttcp-emulated-'));
try {
  process.exitCode = await main();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const packages = await run(python, ['-c', 'import moto, boto3, cfnlint'], { timeoutMs: TIMEOUT_MS });
  if (packages.code !== 0) {
    process.stdout.write(
      `${python} lacks moto or cfn-lint: pip install 'moto[server]' boto3 cfn-lint, or name another with PYTHON\n`,
    );
    return 1;
  }
  const assembly = join(folder, 'assembly');
  const bootstrap = join(folder, 'bootstrap.yaml');
  const synthesis = await run(cdk, ['synth', '-q', '--no-lookups', '--output', assembly], { timeoutMs: TIMEOUT_MS });
  const shown = await run(cdk, ['bootstrap', '--show-template'], { timeoutMs: TIMEOUT_MS });
  for (const { code, output } of [synthesis, shown]) {
    if (code === 0) continue;
    process.stdout.write(output);
    return 1;
  }
  // The command line may say something of itself before the template.
  await writeFile(bootstrap, shown.output.slice(shown.output.indexOf('Description:')));
  const emulated = await run(python, ['test/emulated/run.py', assembly, bootstrap], { timeoutMs: TIMEOUT_MS });
  process.stdout.write(emulated.output);
  const created = countLines(emulated.output, emulated.code);
  const linted = await lint(python, folder, (line) => process.stdout.write(`${line}\n`));
  const failed = created.failed + linted.failed;
  process.stdout.write(`${formatCounts({ passed: created.passed + linted.passed, failed })}\n`);
  return failed === 0 ? 0 : 1;
}
