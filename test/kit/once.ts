import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from './run-folder.ts';
import { until } from './until.ts';

const TIMEOUT_MS = 240_000;

/**
 * A folder that one process of a run fills and all others use: bundles, the package. Whoever needs it first makes it,
 * others wait. Nobody may change what is in it.
 */
export async function oncePerRun(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(runFolder(), name);
  const outcome = `${folder}.made`;
  if (await isFirst(`${folder}.begun`)) {
    const failure = await mkdir(folder)
      .then(() => make(folder))
      .then(
        () => '',
        (error: Error) => error.message,
      );
    await writeFile(`${outcome}.part`, failure);
    await rename(`${outcome}.part`, outcome);
  }
  await until(`${name} is made`, () => existsSync(outcome), { timeoutMs: TIMEOUT_MS, everyMs: 100 });
  const failure = await readFile(outcome, 'utf8');
  if (failure !== '') throw new Error(failure);
  return folder;
}

async function isFirst(mark: string): Promise<boolean> {
  return writeFile(mark, '', { flag: 'wx' }).then(
    () => true,
    () => false,
  );
}
