import { chmod, lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { findOnPath } from '../redis/find.ts';
import { lastLines, run } from '../redis/run.ts';

/** A program that a user without root can have as a copy, unpacked from the packages of the system. */
export interface CopiedProgram {
  readonly name: string;
  /** Debian packages with its files. Their dependencies are fetched only where the system lacks them. */
  readonly packages: readonly string[];
  /** The program below the root of the unpacked packages. */
  readonly file: string;
  /** More programs of these packages, by name: each gets a starter beside that of the first. */
  readonly more?: Readonly<Record<string, string>>;
}

export interface Copied {
  readonly ok: boolean;
  /** The attempts and their results, for the error when all of them fail. */
  readonly tried: string;
}

export interface CopyOptions {
  /** Where copies are kept: see copies-dir.ts. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

const UPDATE_TIMEOUT_MS = 2 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const UNPACK_TIMEOUT_MS = 2 * 60_000;

/**
 * Puts a copy of a program below `dir`, without root and without touching the system: apt downloads and verifies the
 * packages, dpkg-deb unpacks them, and a small script in `dir`/bin starts the program with its libraries. Never rejects.
 */
export async function copyProgram(program: CopiedProgram, options: CopyOptions): Promise<Copied> {
  const { dir, env, say } = options;
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if ((await findOnPath(tool, env)) === undefined) return { ok: false, tried: `a copy: there is no ${tool} here` };
  }
  const place = join(dir, program.name);
  const partial = `${place}.partial-${process.pid}`;
  say(`Fetching a copy of ${program.name} into ${relative('', place) || place} (nothing is installed)`);
  try {
    await rm(partial, { recursive: true, force: true });
    await download(program.packages, partial, env);
    await unpack(join(partial, 'archives'), join(partial, 'root'), env);
    await rm(join(partial, 'archives'), { recursive: true });
    const { name, file, more } = program;
    const programs = Object.entries({ [name]: file, ...more });
    for (const [, path] of programs) await stat(join(partial, 'root', path));
    await rm(place, { recursive: true, force: true });
    await rename(partial, place);
    for (const [starter, path] of programs) await writeStarter(starter, name, path, dir);
    return { ok: true, tried: `a copy of ${program.name}: fetched` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, tried: `a copy of ${program.packages.join(' and ')} by apt-get download: ${reason}` };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** First with the system's package lists; where they are missing or too old, with lists of our own. */
async function download(packages: readonly string[], folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const cache = join(folder, 'cache');
  const archives = join(folder, 'archives');
  const lists = join(folder, 'state');
  await Promise.all([cache, join(archives, 'partial'), join(lists, 'lists/partial')].map(makeFolder));
  const shared = [
    '-q',
    '-o',
    'Debug::NoLocking=1',
    '-o',
    `Dir::Cache=${cache}`,
    '-o',
    `Dir::Cache::archives=${archives}`,
  ];
  // Without apt's sandbox user: that user may not read a folder of ours.
  const asUs = [...shared, '-o', 'APT::Sandbox::User='];
  const ownLists = [
    ...['-o', `Dir::State=${lists}`, '-o', `Dir::State::lists=${join(lists, 'lists')}`],
    ...['-o', 'Dir::State::status=/var/lib/dpkg/status'],
  ];
  const install = ['install', '--yes', '--reinstall', '--download-only', '--no-install-recommends', ...packages];
  const apt = (args: readonly string[], timeoutMs: number) =>
    run('apt-get', [...asUs, ...args], { env: { ...env, LC_ALL: 'C' }, timeoutMs });
  let last = await apt(install, DOWNLOAD_TIMEOUT_MS);
  // Without lists apt accepts installed packages as sufficient, and fetches nothing.
  if (last.code !== 0 || !(await hasAll(archives, packages))) {
    await apt([...ownLists, 'update'], UPDATE_TIMEOUT_MS);
    last = await apt([...ownLists, ...install], DOWNLOAD_TIMEOUT_MS);
  }
  if (last.code !== 0 || !(await hasAll(archives, packages))) throw new Error(lastLines(last.output, 2));
  await Promise.all([cache, lists].map((path) => rm(path, { recursive: true, force: true })));
}

async function hasAll(archives: string, packages: readonly string[]): Promise<boolean> {
  const files = await readdir(archives);
  return packages.every((name) => files.some((file) => file.startsWith(`${name}_`)));
}

async function unpack(archives: string, root: string, env: NodeJS.ProcessEnv): Promise<void> {
  const packages = (await readdir(archives)).filter((file) => file.endsWith('.deb'));
  for (const file of packages) {
    const args = ['--extract', join(archives, file), root];
    const { code, output } = await run('dpkg-deb', args, { env, timeoutMs: UNPACK_TIMEOUT_MS });
    if (code !== 0) throw new Error(`dpkg-deb: ${lastLines(output, 2)}`);
  }
}

/** Finds everything relative to itself, so that the project's folder may be moved. */
async function writeStarter(name: string, copy: string, file: string, dir: string): Promise<void> {
  const root = join(dir, copy, 'root');
  const libraries = (await libraryFolders(root)).map((folder) => `$root/${folder}`).join(':');
  await writeFile(join(root, 'fonts.conf'), FONTS);
  const script = `#!/bin/sh
root=$(cd "$(dirname "$0")/../${copy}/root" && pwd) || exit 1
export LD_LIBRARY_PATH="${libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_FILE="\${FONTCONFIG_FILE:-$root/fonts.conf}"
exec "$root/${file}" "$@"
`;
  const starter = join(join(dir, 'bin'), name);
  await makeFolder(dirname(starter));
  await writeFile(`${starter}.${process.pid}`, script);
  await chmod(`${starter}.${process.pid}`, 0o755);
  await rename(`${starter}.${process.pid}`, starter);
}

/** The fonts of the system and of the copy. */
const FONTS = `<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** Folders with shared libraries, from the root: `usr/lib`, `usr/lib/<triplet>` and the folders of packages in them. */
async function libraryFolders(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    if (entries.some(({ name }) => /\.so(\.|$)/.test(name))) found.push(folder);
    for (const entry of entries) if (entry.isDirectory() && depth > 0) await look(join(folder, entry.name), depth - 1);
  };
  for (const top of ['usr/lib', 'lib']) {
    const isLink = await lstat(join(root, top)).then(
      (entry) => entry.isSymbolicLink(),
      () => true,
    );
    if (!isLink) await look(top, 2);
  }
  return found;
}

const makeFolder = (path: string): Promise<unknown> => mkdir(path, { recursive: true });
