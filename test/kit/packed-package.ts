import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { oncePerRun } from './once.ts';
import { repository, startProcess } from './process.ts';

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const running = startProcess(command, args, { cwd });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
}

/** Packs the package as npm would publish it, once per run; returns the path of the archive. */
export async function packedPackage(): Promise<string> {
  const folder = await oncePerRun('packed', (made) => run('npm', ['pack', '--pack-destination', made], repository));
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}

/** Unpacks the package into `place`, a node_modules/fronttcp. Its dependencies are for the caller. */
export async function installPackedPackage(place: string): Promise<void> {
  const archive = await packedPackage();
  const folder = await oncePerRun('unpacked', (made) => run('tar', ['-xzf', archive, '--strip-components=1'], made));
  cpSync(folder, place, { recursive: true });
}
