import { join } from 'node:path';
import { oncePerRun } from './once.ts';
import { startProgram } from './process.ts';

/** The folder of what a deployment would upload, made from the sources as they are, with esbuild's lists in meta/. */
export function bundles(): Promise<string> {
  // Without the limit of a test build: contract/store/scripts/library.ts.
  return oncePerRun('bundles', (folder) => bundle(['--out', folder, '--meta'], { FRONTTCP_WORK_LIMIT: undefined }));
}

/** The gateway as its image has it, in one file: it starts in half the processor time that the sources take. */
export async function gatewayProgram(): Promise<string> {
  const folder = await oncePerRun('gateway', (made) => bundle(['--out', made, '--gateway']));
  return join(folder, 'gateway/main.mjs');
}

async function bundle(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const bundler = startProgram('scripts/bundle.mjs', args, { env });
  const { code } = await bundler.exit;
  if (code !== 0) throw new Error(`the bundler failed:\n${bundler.output()}`);
}
