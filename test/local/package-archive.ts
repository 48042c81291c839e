import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../local/redis/run.ts';

export interface TestPackage {
  readonly name: string;
  readonly depends?: string;
  /** What it has: path below the root, and the text of the script that is put there. */
  readonly files: Readonly<Record<string, string>>;
}

/** Whether this machine has Debian's package tools. */
export const isDebian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');

/** An archive of packages in a folder, for apt to fetch from: no network is needed. Returns the environment that names it. */
export async function packageArchive(folder: string, packages: readonly TestPackage[]): Promise<NodeJS.ProcessEnv> {
  const archive = join(folder, 'archive');
  await mkdir(archive, { recursive: true });
  const index: string[] = [];
  for (const { name, depends, files } of packages) {
    const root = join(folder, 'made', name);
    for (const [path, content] of Object.entries(files)) {
      const file = join(root, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      await chmod(file, 0o755);
    }
    const control = [
      `Package: ${name}`,
      'Version: 99:1.0',
      'Architecture: all',
      'Maintainer: nobody <nobody@localhost>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      'Description: made by a test',
      '',
    ].join('\n');
    await mkdir(join(root, 'DEBIAN'), { recursive: true });
    await writeFile(join(root, 'DEBIAN/control'), control);
    const file = `${name}.deb`;
    const built = await run('dpkg-deb', ['--root-owner-group', '--build', root, join(archive, file)]);
    if (built.code !== 0) throw new Error(built.output);
    const bytes = await readFile(join(archive, file));
    const sum = createHash('sha256').update(bytes).digest('hex');
    index.push(`${control}Filename: ./${file}\nSize: ${bytes.length}\nSHA256: ${sum}\n`);
  }
  await writeFile(join(archive, 'Packages'), index.join('\n'));
  await writeFile(join(folder, 'sources.list'), `deb [trusted=yes] copy:${archive} ./\n`);
  const settings = [
    `Dir::Etc::sourcelist "${join(folder, 'sources.list')}";`,
    'Dir::Etc::sourceparts "-";',
    // Nothing of this machine's lists: the first try finds no package, and lists of our own are fetched.
    `Dir::State::lists "${join(folder, 'no-lists')}";`,
    '',
  ].join('\n');
  await writeFile(join(folder, 'apt.conf'), settings);
  return { APT_CONFIG: join(folder, 'apt.conf') };
}

/** A PATH with the tools that unpack packages and nothing else: no Redis, no container engine, no sudo. */
export async function barePath(folder: string): Promise<string> {
  const bin = join(folder, 'bare');
  await mkdir(bin, { recursive: true });
  for (const name of ['apt-get', 'dpkg-deb', 'sh', 'dirname', 'tar', 'xz', 'gzip', 'zstd', 'rm']) {
    const found = ['/usr/bin', '/bin'].map((place) => join(place, name)).find((path) => existsSync(path));
    if (found === undefined) continue;
    await writeFile(join(bin, name), `#!/bin/sh\nexec ${found} "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  return bin;
}
