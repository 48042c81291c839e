import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './process.ts';

/** What a deployment would upload, made from the sources as they are. */
export interface Bundles {
  readonly directory: string;
  remove(): Promise<void>;
}

export async function makeBundles(): Promise<Bundles> {
  const directory = await mkdtemp(join(tmpdir(), 'fronttcp-bundles-'));
  const bundler = startProgram('scripts/bundle.mjs', ['--out', directory, '--meta']);
  const { code } = await bundler.exit;
  if (code !== 0) throw new Error(`the bundler failed:\n${bundler.output()}`);
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
