import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addonFile } from '../../gateway/net/native-binding.ts';
import { findOnPath } from '../../local/redis/find.ts';
import { lastLines, run } from '../../local/redis/run.ts';
import { repository } from './process.ts';

const sources = ['gateway/net/native/net.c', 'gateway/net/native/uv.h', 'scripts/build-native.mjs'];

/** The implementations of gateway/net that this machine can run. Without a C compiler the area `net` is reported as not run. */
export const networks = (): readonly ('node' | 'native')[] => (existsSync(addonFile) ? ['node', 'native'] : ['node']);

/** Builds the addon where the gateway looks for it, if there is a compiler and the sources have changed. */
export async function buildAddon(): Promise<void> {
  if ((await findOnPath('cc', process.env)) === undefined) return;
  const changedMs = Math.max(...sources.map((file) => statSync(join(repository, file)).mtimeMs));
  if (existsSync(addonFile) && statSync(addonFile).mtimeMs > changedMs) return;
  await build();
}

/** `npm run build:native` with these options. */
export async function build(...options: string[]): Promise<void> {
  const script = join(repository, 'scripts/build-native.mjs');
  const { code, output } = await run(process.execPath, [script, ...options], { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`the addon does not build:\n${lastLines(output, 30)}`);
}
