// npm run test:mutations [-- --only TEXT] [--share I/N] [--sample N --commit HASH] [--at-once K]
// Plants one bug after another in a copy of the sources and expects the checker to find it. Exit code 1 when one stays unseen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { endWithUs } from '../../local/end-with-us.ts';
import { sampleOf } from '../kit/long-parts.ts';
import { repository } from '../kit/process.ts';
import { PROFILES } from './schedule.ts';

const edit = z.strictObject({ file: z.string(), find: z.string(), replace: z.string() });
const mutationSchema = z.strictObject({
  name: z.string(),
  edits: z.array(edit).min(1),
  /** First seed; the following ones are tried until one finds it, all with this profile if there is one. */
  seed: z.number().default(1),
  seeds: z.number().default(2),
  profile: z.enum(PROFILES).optional(),
  scenario: z.string().optional(),
});
type Mutation = z.output<typeof mutationSchema>;

const SOURCES = [
  'contract',
  'shared',
  'functions',
  'gateway',
  'sdk',
  'local',
  'scripts',
  'bin',
  'test/faults',
  'test/kit',
  'package.json',
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    share: { type: 'string', default: '1/1' },
    sample: { type: 'string' },
    commit: { type: 'string', default: '' },
    'at-once': { type: 'string', default: '2' },
  },
});
const listed = z
  .array(mutationSchema)
  .parse(JSON.parse(await readFile(join(repository, 'test/faults/mutations.json'), 'utf8')));
const [share = 1, shares = 1] = values.share.split('/').map(Number);
const asked = listed.filter(({ name }, at) => name.includes(values.only) && at % shares === share - 1);
const mutations = values.sample === undefined ? asked : [...sampleOf(asked, Number(values.sample), values.commit)];
const count = mutations.length;
let unseen = 0;

async function work(): Promise<void> {
  for (let mutation = mutations.shift(); mutation !== undefined; mutation = mutations.shift()) {
    const { found, output } = await hunt(mutation).catch((error: unknown) => ({ found: false, output: String(error) }));
    if (!found) unseen += 1;
    process.stdout.write(`${found ? 'found ' : 'UNSEEN'}  ${mutation.name}\n${firstViolation(output)}`);
  }
}

async function hunt(mutation: Mutation): Promise<{ found: boolean; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-mutation-'));
  try {
    for (const source of SOURCES) await cp(join(repository, source), join(folder, source), { recursive: true });
    await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
    for (const { file, find, replace } of mutation.edits) await plant(join(folder, file), find, replace);
    const args = ['--seed', `${mutation.seed}`, '--seeds', `${mutation.seeds}`, '--bail'];
    if (mutation.profile !== undefined) args.push('--profile', mutation.profile);
    if (mutation.scenario !== undefined) args.push('--scenario', mutation.scenario);
    const child = spawn(process.execPath, ['test/faults/run.ts', ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endWithUs(child);
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const [code] = (await once(child, 'close')) as [number | null];
    // A checker that could not run has found nothing.
    return { found: code === 1 && output.includes('broke a promise'), output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function plant(path: string, find: string, replace: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} times: ${find}`);
  await writeFile(path, parts.join(replace));
}

function firstViolation(output: string): string {
  const line = output.split('\n').find((text) => text.startsWith('   ')) ?? output.trim().split('\n').at(-1);
  return `        ${(line ?? '').trim().slice(0, 160)}\n`;
}

await Promise.all(Array.from({ length: Number(values['at-once']) }, () => work()));
process.stdout.write(`${count - unseen} of ${count} planted bugs were found\n`);
process.exit(unseen > 0 ? 1 : 0);
