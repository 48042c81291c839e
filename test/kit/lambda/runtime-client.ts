import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAlive } from '../../../shared/process.ts';
import { repository, startProcess } from '../process.ts';
import { until } from '../until.ts';

const VERSION = '4.0.2';
const homeOf = (kind: ClientKind): string =>
  join(repository, 'node_modules/.cache/fronttcp', `aws-lambda-ric-${VERSION}-${kind}`);
const lockOf = (kind: ClientKind): string => `${homeOf(kind)}.lock`;
/** With the native code by which Amazon's client talks to the Runtime API, or with transport.ts in its place. */
export type ClientKind = 'compiled' | 'plain';

/** For the hooks that wait for it, on a machine that does many things at once. */
export const INSTALL_TIMEOUT_MS = 600_000;

/**
 * The path of Amazon's runtime interface client. The compiled one takes a minute and wants cmake, make and a C++ compiler,
 * which is too much for everyone's `npm ci`: the first run of the tests that need one puts it into a cache. Of several
 * test files that need it at once one installs it, and the others wait.
 */
export async function runtimeClient(kind: ClientKind): Promise<string> {
  const program = join(homeOf(kind), 'node_modules/aws-lambda-ric/index.mjs');
  const isThereOrOurs = async () => existsSync(program) || (await takeLock(lockOf(kind)));
  await until('the runtime client is installed', isThereOrOurs, { timeoutMs: INSTALL_TIMEOUT_MS, everyMs: 250 });
  if (existsSync(program)) return program;
  try {
    await install(kind);
  } finally {
    await rm(lockOf(kind), { force: true });
  }
  return program;
}

/** False while another process that lives has it. */
async function takeLock(lock: string): Promise<boolean> {
  await mkdir(dirname(lock), { recursive: true });
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
    return false;
  }
}

async function install(kind: ClientKind): Promise<void> {
  const home = homeOf(kind);
  const unfinished = `${home}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  await writeFile(join(unfinished, 'package.json'), JSON.stringify({ private: true }));
  const flags = ['--no-save', '--no-audit', '--no-fund', ...(kind === 'plain' ? ['--ignore-scripts'] : [])];
  const npm = startProcess('npm', ['install', ...flags, `aws-lambda-ric@${VERSION}`], { cwd: unfinished });
  const { code } = await npm.exit;
  if (code !== 0) {
    throw new Error(
      `aws-lambda-ric could not be installed (to be compiled, it needs cmake, make and g++):\n${npm.output()}`,
    );
  }
  await rm(home, { recursive: true, force: true });
  await rename(unfinished, home);
}
