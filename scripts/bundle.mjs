// Bundles for deployment: dist/functions/<driver>/<name>/index.mjs and dist/gateway/ (the image's build context).
// usage: node scripts/bundle.mjs [--out <directory>] [--meta]      (--meta also writes what went into each, for tests)
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { routes } from '../functions/routes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({ options: { out: { type: 'string' }, meta: { type: 'boolean' } } });
const out = options.out ?? join(root, 'dist');

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minify: true,
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  mainFields: ['module', 'main'],
  loader: { '.html': 'text' },
  // CommonJS dependencies ask for Node's own modules by require().
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
};

/** Zod brings its messages in fifty languages, half of a bundle: of use only to who sets one. */
const onlyEnglish = {
  name: 'zod-only-english',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};
common.plugins = [onlyEnglish];

const drivers = ['ioredis', 'upstash'];
// The relay has no route: it is invoked by administrators.
const names = [...new Set(routes.map((route) => route.function)), 'relay'];

/** Made anew: what a bundle no longer has must not stay behind in the asset. */
async function bundle(folder, file, entry, extra) {
  await rm(join(out, folder), { recursive: true, force: true });
  const { metafile } = await build({ ...common, ...extra, entryPoints: [entry], outfile: join(out, folder, file) });
  if (options.meta) {
    await mkdir(join(out, 'meta'), { recursive: true });
    await writeFile(join(out, 'meta', `${folder.replaceAll('/', '-')}.json`), JSON.stringify(metafile));
  }
}

await Promise.all([
  // The command line of the published package: Node does not run TypeScript below node_modules.
  build({
    ...common,
    entryPoints: ['bin/fronttcp.ts'],
    outfile: join(out, 'fronttcp.mjs'),
    target: 'node20',
    packages: 'external',
    banner: {},
    sourcemap: false,
  }),
  ...drivers.flatMap((driver) =>
    names.map((name) =>
      // The condition picks the one Redis client; 'module' must be named again once there are any conditions.
      bundle(`functions/${driver}/${name}`, 'index.mjs', `functions/${name}/handler.ts`, {
        conditions: [driver, 'module'],
        external: ['@aws-sdk/*', '@smithy/*'],
      }),
    ),
  ),
  // Outside Lambda there is no AWS SDK to be found: it comes along.
  bundle('gateway', 'main.mjs', 'gateway/main.ts', { external: ['pino-pretty'] }).then(() =>
    Promise.all(
      ['Dockerfile', '.dockerignore'].map((file) => cp(join(root, 'gateway', file), join(out, 'gateway', file))),
    ),
  ),
]);
