import { copyFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { oncePerRun } from './once.ts';
import { repository, startProcess } from './process.ts';

const tsc = join(repository, 'node_modules/typescript/bin/tsc');

/** Runs the compiler on a project file; fails with what it says. */
export async function compile(folder: string, config: object): Promise<void> {
  const file = join(folder, 'tsconfig.compiled.json');
  writeFileSync(file, JSON.stringify(config));
  const running = startProcess(process.execPath, [tsc, '-p', file]);
  const { code } = await running.exit;
  if (code !== 0) throw new Error(`tsc ended with ${code}:\n${running.output()}`);
}

/** The client library and the upstream helper as the package has them: JavaScript and types, in `folder`/dist/package. */
export async function compilePackage(folder: string): Promise<void> {
  const compiled = await oncePerRun('compiled', (made) =>
    compile(made, {
      extends: join(repository, 'tsconfig.pack.json'),
      compilerOptions: {
        rootDir: repository,
        outDir: join(made, 'dist/package'),
        typeRoots: [join(repository, 'node_modules/@types')],
      },
      include: ['sdk/client/connect.ts', 'sdk/client/errors.ts', 'sdk/upstream/index.ts'].map((file) =>
        join(repository, file),
      ),
    }),
  );
  cpSync(join(compiled, 'dist'), join(folder, 'dist'), { recursive: true });
}

/** The same, installed below `folder`/node_modules. */
export async function installCompiledPackage(folder: string): Promise<void> {
  const place = join(folder, 'node_modules/fronttcp');
  await compilePackage(place);
  copyFileSync(join(repository, 'package.json'), join(place, 'package.json'));
}
