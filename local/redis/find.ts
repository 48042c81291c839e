import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { copiesDir } from '../programs/copies-dir.ts';
import { run } from './run.ts';

export interface RedisBinary {
  readonly path: string;
  /** The version from `--version`, such as `7.0.15`. */
  readonly version: string;
}

interface FoundBinary {
  readonly binary?: RedisBinary;
  /** The reasons why the programs found were not used; empty when there are none. */
  readonly refused: readonly string[];
}

/** The route scripts use commands of Redis 6.2; every Valkey is newer than that. */
const oldestVersion = [6, 2] as const;
const names = ['redis-server', 'valkey-server'];
/** Where package managers put servers that a user's PATH may leave out. */
const usualFolders = ['/usr/local/bin', '/usr/bin', '/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];

/** In addition to PATH. */
export interface SearchedFolders {
  /** Of our own copies. Default: in the folder of this process. */
  readonly copies?: string;
  /** Default: those of package managers. */
  readonly usual?: readonly string[];
}

/** Looks for a Redis or Valkey server that is new enough: on PATH, in the usual folders, among our own copies. */
export async function findRedisBinary(
  env: NodeJS.ProcessEnv,
  { copies = copiesDir(), usual = usualFolders }: SearchedFolders = {},
): Promise<FoundBinary> {
  const folders = [...(env.PATH ?? '').split(delimiter).filter(Boolean), ...usual, join(copies, 'bin')];
  const refused: string[] = [];
  for (const name of names) {
    for (const folder of new Set(folders)) {
      const path = join(folder, name);
      if (!(await isExecutable(path))) continue;
      const version = await versionOf(path);
      if (version === undefined) refused.push(`${path} does not report its version`);
      else if (!isNewEnough(version)) refused.push(`${path} is ${version}, older than ${oldestVersion.join('.')}`);
      else return { binary: { path, version }, refused };
    }
  }
  return { refused };
}

/** The first folder of PATH that has the program. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function versionOf(path: string): Promise<string | undefined> {
  const { code, output } = await run(path, ['--version']);
  return code === 0 ? /v=(\d+\.\d+\.\d+)/.exec(output)?.[1] : undefined;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
}
