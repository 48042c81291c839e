import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Makes page.generated.json from page/**, which document.ts puts into the document. It is kept in the repository, so
 * that the page is there without a build step, from the sources, from a function's bundle and from the package alike.
 * Run `npm run console` after a change to page/; a test compares the two.
 */
interface PageParts {
  script: string;
  style: string;
}

export const generatedFile = new URL('page.generated.json', import.meta.url);

const NOTICE =
  '/*! Contains Preact and Preact Signals (MIT, Jason Miller and the Preact team) and zod (MIT, Colin McDonnell). */';

export async function buildPage(): Promise<PageParts> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('page/main.tsx', import.meta.url))],
    tsconfig: fileURLToPath(new URL('page/tsconfig.json', import.meta.url)),
    outdir: 'out',
    write: false,
    // The codec of the gateways asks for Node's Buffer.
    inject: [fileURLToPath(new URL('page/device/buffer.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    banner: { js: NOTICE },
    logLevel: 'warning',
  });
  const contents = (extension: string): string =>
    result.outputFiles.find((file) => file.path.endsWith(extension))?.text.trim() ?? '';
  return { script: contents('.js'), style: contents('.css') };
}

export function serializePage(parts: PageParts): string {
  return `${JSON.stringify(parts, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(generatedFile, serializePage(await buildPage()));
