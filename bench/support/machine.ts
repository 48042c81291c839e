import { cpus, release, totalmem, version } from 'node:os';
import { run } from '../../local/redis/run.ts';
import type { ResultFile } from '../report/results.ts';
import { root } from './paths.ts';

export function describeMachine(): ResultFile['machine'] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown CPU',
    cpus: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    os: version().replace(/^#\d+\s*/, ''),
  };
}

/** The commit that is measured; `unknown` outside a repository. */
export async function describeCommit(): Promise<{ commit: string; hasLocalChanges: boolean }> {
  const git = (...args: string[]) => run('git', ['-C', root, ...args]);
  const head = await git('rev-parse', '--short=10', 'HEAD');
  if (head.code !== 0) return { commit: 'unknown', hasLocalChanges: false };
  const status = await git(
    'status',
    '--porcelain',
    '--untracked-files=no',
    '--',
    'gateway',
    'contract',
    'functions',
    'local',
  );
  return { commit: head.output.trim(), hasLocalChanges: status.output.trim() !== '' };
}
