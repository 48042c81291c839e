import { oncePerRun } from './once.ts';
import { startProgram } from './process.ts';

/** The folder of what a deployment would upload, made from the sources as they are, with esbuild's lists in meta/. */
export function bundles(): Promise<string> {
  return oncePerRun('bundles', async (folder) => {
    const bundler = startProgram('scripts/bundle.mjs', ['--out', folder, '--meta']);
    const { code } = await bundler.exit;
    if (code !== 0) throw new Error(`the bundler failed:\n${bundler.output()}`);
  });
}
