import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findOnPath, findRedisBinary } from '../../local/redis/find.ts';

let folder: string;
const withFolder = (): NodeJS.ProcessEnv => ({ PATH: [folder, process.env.PATH ?? ''].join(delimiter) });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fronttcp-find-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(name: string, output: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`);
  await chmod(path, 0o755);
  return path;
}

it('takes the first on PATH', async () => {
  const path = await program('redis-server', 'Redis server v=6.2.0 sha=00000000:0 malloc=libc bits=64');
  expect((await findRedisBinary(withFolder())).binary).toEqual({ path, version: '6.2.0' });
});

it('skips one that is too old, and one without a version, and says why', async () => {
  const path = await program('redis-server', 'Redis server v=6.0.16 sha=00000000:0 malloc=libc bits=64');
  const found = await findRedisBinary(withFolder());
  expect(found.refused).toEqual([`${path} is 6.0.16, older than 6.2`]);
  expect(found.binary?.path).not.toBe(path);

  await program('redis-server', 'segmentation fault');
  expect((await findRedisBinary(withFolder())).refused).toEqual([`${path} does not report its version`]);
});

it('does not find a file that cannot be run', async () => {
  await writeFile(join(folder, 'redis-server'), 'text');
  expect(await findOnPath('redis-server', { PATH: folder })).toBeUndefined();
});
