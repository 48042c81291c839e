import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository, startProcess } from '../process.ts';

const VERSION = '4.0.2';
const home = join(repository, 'node_modules/.cache/fronttcp', `aws-lambda-ric-${VERSION}`);

/**
 * The path of Amazon's runtime interface client. It compiles native code for a minute and wants cmake, make and a
 * C++ compiler, which is too much for everyone's `npm ci`: the first run of these tests puts it into a cache.
 */
export async function runtimeClient(): Promise<string> {
  const program = join(home, 'node_modules/aws-lambda-ric/index.mjs');
  if (!existsSync(program)) await install();
  return program;
}

async function install(): Promise<void> {
  const unfinished = `${home}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  await writeFile(join(unfinished, 'package.json'), JSON.stringify({ private: true }));
  const npm = startProcess('npm', ['install', '--no-save', '--no-audit', '--no-fund', `aws-lambda-ric@${VERSION}`], {
    cwd: unfinished,
  });
  const { code } = await npm.exit;
  if (code !== 0) {
    throw new Error(`aws-lambda-ric could not be built (it needs cmake, make and g++):\n${npm.output()}`);
  }
  await rm(home, { recursive: true, force: true });
  await rename(unfinished, home);
}
