import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type DeployedStack, readStack } from '../../cli/support/aws.ts';
import { endWithUs } from '../../local/end-with-us.ts';
import { lastLines } from '../../local/redis/run.ts';
import { repository } from '../kit/process.ts';
import type { Job } from './runner.ts';
import { type StackKind, settingsOf } from './stacks.ts';

/** Of a npm script it comes first on PATH anyway. */
const WITH_CDK = [process.env.PATH ?? '', join(repository, 'node_modules/.bin')].join(delimiter);

/** The bundles, once for all stacks: `cdk` would make them for each, all in the same folder. */
export async function makeBundles(signal: AbortSignal): Promise<void> {
  await run(process.execPath, ['scripts/bundle.mjs'], {}, signal);
}

export async function synthesise(job: Job, region: string, folder: string, signal: AbortSignal): Promise<void> {
  await cdk(['synth', '--quiet', '--strict', '--no-lookups'], job, region, folder, signal);
}

export async function deploy(job: Job, region: string, folder: string, signal: AbortSignal): Promise<DeployedStack> {
  const options = ['--require-approval', 'never', '--progress', 'events'];
  await cdk(['deploy', ...options], job, region, folder, signal);
  return readStack(job.name, region);
}

async function cdk(args: readonly string[], job: Job, region: string, folder: string, signal: AbortSignal) {
  const own = join(folder, `${region}-${job.kind}`);
  await mkdir(own, { recursive: true });
  const settings = join(own, 'settings.json');
  await writeFile(settings, JSON.stringify(settingsOf(job.kind as StackKind, job.name, region)));
  const output = join(own, 'cdk.out');
  const all = [...args, '-c', `settings=${settings}`, '--build=true', '--output', output];
  await run('cdk', all, { AWS_REGION: region, AWS_DEFAULT_REGION: region }, signal);
}

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(program, args, {
    cwd: repository,
    env: { ...process.env, ...env, PATH: WITH_CDK },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
  });
  endWithUs(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}:\n${lastLines(output, 20)}`);
}
