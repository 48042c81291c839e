import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { oncePerRun } from './once.ts';
import { repository, startProcess } from './process.ts';

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const running = startProcess(command, args, { cwd });
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
}

/** The packages that are published, and their folders. */
export const packageFolders = {
  fronttcp: '.',
  'fronttcp-cdk': './sdk/cdk',
  'fronttcp-client': './sdk/client',
  'fronttcp-upstream': './sdk/upstream',
} as const;
export type PackageName = keyof typeof packageFolders;

/** Packs a package as npm would publish it, once per run; returns the path of the archive. */
export async function packedPackage(name: PackageName = 'fronttcp'): Promise<string> {
  const folder = await oncePerRun(`packed-${name}`, (made) =>
    run('npm', ['pack', '--pack-destination', made, packageFolders[name]], repository),
  );
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}

/** Unpacks a package into `place`, a node_modules/<name>. Its dependencies are for the caller. */
export async function installPackedPackage(place: string, name: PackageName = 'fronttcp'): Promise<void> {
  const archive = await packedPackage(name);
  const folder = await oncePerRun(`unpacked-${name}`, (made) =>
    run('tar', ['-xzf', archive, '--strip-components=1'], made),
  );
  cpSync(folder, place, { recursive: true });
}
