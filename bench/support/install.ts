import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { APT_WITHOUT_SERVICES } from '../../local/redis/apt.ts';
import { lastLines, run } from '../../local/redis/run.ts';
import type { Plan } from '../plan.ts';
import { has } from './child.ts';
import { cache, root } from './paths.ts';

const TIMEOUT_MS = 5 * 60_000;

const aptScript = `${APT_WITHOUT_SERVICES}apt-get install -q -y --no-install-recommends "$1" || { apt-get update -q && apt-get install -q -y --no-install-recommends "$1"; }
if command -v systemctl > /dev/null; then systemctl disable "$1" > /dev/null 2>&1 || true; fi
`;

/** Installs one of Debian's packages, its service off. Undefined when it is there then, else why not. */
export async function installDebian(name: string, plan: Plan): Promise<string | undefined> {
  if (!plan.mayInstall) return 'not on this machine';
  if (!(await has('apt-get')) || process.getuid?.() !== 0)
    return 'not on this machine; installing it needs apt-get as root';
  plan.say(`installing ${name} with apt-get (its service stays off)`);
  const { code, output } = await run('sh', ['-c', aptScript, 'install', name], { timeoutMs: TIMEOUT_MS });
  return code === 0 ? undefined : `apt-get could not install it: ${lastLines(output, 1)}`;
}

export const peersFolder = `${cache}/peers`;
let npmPeers: Promise<string | undefined> | undefined;

/** Installs the peers of bench/peers/package.json into the cache. Undefined when they are there then, else why not. */
export function installNpmPeers(plan: Plan): Promise<string | undefined> {
  npmPeers ??= installNpm(plan);
  return npmPeers;
}

async function installNpm(plan: Plan): Promise<string | undefined> {
  const source = `${root}bench/peers`;
  await mkdir(peersFolder, { recursive: true });
  const lock = 'package-lock.json';
  // npm leaves this file when it has installed the lock it was given.
  const [wanted, installed] = await Promise.all([read(`${source}/${lock}`), read(`${peersFolder}/${lock}`)]);
  const isThere = wanted === installed && (await read(`${peersFolder}/node_modules/.package-lock.json`)) !== '';
  if (!isThere && !plan.mayInstall) return 'not installed yet';
  for (const file of await readdir(source)) await copyFile(`${source}/${file}`, `${peersFolder}/${file}`);
  if (isThere) return undefined;
  plan.say('installing the peers of bench/peers/package.json into the cache');
  const args = ['ci', '--prefix', peersFolder, '--ignore-scripts', '--no-fund', '--no-audit'];
  const { code, output } = await run('npm', args, { timeoutMs: TIMEOUT_MS });
  return code === 0 ? undefined : `npm could not install it: ${lastLines(output, 1)}`;
}

function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
