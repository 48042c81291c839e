import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** One import of one of our files, by path from the root. */
export interface Import {
  readonly from: string;
  /** A path from the root for a file of the repository; a package's name otherwise. */
  readonly to: string;
  /** `type` disappears when the code runs. */
  readonly kind: 'runtime' | 'type';
  readonly isPackage: boolean;
}

/** Every .ts and .tsx below the folders, as paths from the root. A folder that is not there has none. */
export async function sourceFiles(root: string, folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const isSource = entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts');
      if (isSource) files.push(relative(root, join(entry.parentPath, entry.name)));
    }
  }
  return files.sort();
}

/** What esbuild takes into a bundle of these entries; packages stay outside and are listed as imports. */
export async function bundleInputs(
  root: string,
  entries: readonly string[],
  conditions: readonly string[] = [],
): Promise<Metafile['inputs']> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [...entries],
    bundle: true,
    write: false,
    metafile: true,
    outdir: 'unused',
    platform: 'node',
    format: 'esm',
    target: 'node24',
    packages: 'external',
    conditions: [...conditions],
    logLevel: 'silent',
    // What only esbuild with the build's own plugins can load says nothing about directions.
    loader: { '.html': 'text', '.css': 'text', '.json': 'json', '.lua': 'text' },
  });
  return result.metafile.inputs;
}

/** All imports between the files: what runs, from esbuild; what is only a type, from the source text. */
export async function importsOf(root: string, files: readonly string[]): Promise<Import[]> {
  const inputs = await bundleInputs(root, files);
  const runtime = Object.entries(inputs).flatMap(([from, input]) =>
    input.imports.map((found): Import => {
      const isPackage = found.external === true;
      return { from, to: isPackage ? packageName(found.path) : found.path, kind: 'runtime', isPackage };
    }),
  );
  const types = await Promise.all(
    files.map(async (file) => typeImports(file, await readFile(join(root, file), 'utf8'))),
  );
  return [...runtime, ...types.flat()].filter(({ to }) => !to.startsWith('node:'));
}

function typeImports(from: string, source: string): Import[] {
  const matches = source.matchAll(/^(?:import|export) type [^;]*? from '([^']+)'/gm);
  return Array.from(matches, ([, specifier = '']): Import => {
    const isPackage = !specifier.startsWith('.');
    const to = isPackage ? packageName(specifier) : join(dirname(from), specifier);
    return { from, to, kind: 'type', isPackage };
  });
}

/** `zod/mini` → `zod`, `@aws-sdk/client-lambda/x` → `@aws-sdk/client-lambda`. */
function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The packages that run when this file is loaded, through however many of our files. */
export function packagesReached(file: string, imports: readonly Import[]): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const pending = [file];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const found of imports) {
      if (found.from !== next || found.kind === 'type') continue;
      if (found.isPackage) packages.add(found.to);
      else pending.push(found.to);
    }
  }
  return packages;
}
