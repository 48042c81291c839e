import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from '../../local/redis/find.ts';
import { lastLines, run } from '../../local/redis/run.ts';
import { repository } from './process.ts';

/** The versions of Node that the package is for: `engines` names the oldest, odd ones are nobody's. */
export const nodesInSupport = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'] as const;

const majorOf = (version: string): string => version.replace(/^v/, '').split('.')[0] ?? '';

/**
 * A Node of this major version: the one that runs us, one on PATH, or the one that npm's registry has, which is kept
 * below .fronttcp/ for the next run.
 */
export async function provideNode(version: string): Promise<string> {
  const major = majorOf(version);
  if (majorOf(process.version) === major) return process.execPath;
  const onPath = await findOnPath('node', { PATH: withoutOurs(process.env.PATH) });
  if (onPath !== undefined && majorOf((await run(onPath, ['--version'], {})).output) === major) return onPath;
  const folder = join(repository, '.fronttcp/node', version);
  const name = `node-${process.platform}-${process.arch}`;
  const installed = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(installed)) return installed;
  const options = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  const { code, output } = await run('npm', ['install', ...options, `${name}@${version}`], { timeoutMs: 240_000 });
  if (code !== 0) throw new Error(`Node ${version} could not be had from npm:\n${lastLines(output)}`);
  return installed;
}

/** `npm test` puts the Node of node_modules before the machine's own. */
const withoutOurs = (path = ''): string =>
  path
    .split(':')
    .filter((folder) => !folder.endsWith('node_modules/.bin'))
    .join(':');
