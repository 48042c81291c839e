// Bundles for deployment: dist/functions/<driver>/<name>/index.mjs and dist/gateway/ (the image's build context).
// usage: node scripts/bundle.mjs [--out <directory>] [--meta] [--gateway]
//   --meta     also writes what went into each bundle, for tests
//   --gateway  makes the gateway's bundle only
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { routes } from '../functions/routes.ts';
import { leanDependencies } from './lean-dependencies.ts';
import { ownSources, packedDocuments } from './own-sources.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: { out: { type: 'string' }, meta: { type: 'boolean' }, gateway: { type: 'boolean' } },
});
const out = resolve(options.out ?? join(root, 'dist'));

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
  plugins: [ownSources, packedDocuments, leanDependencies],
  // CommonJS dependencies ask for Node's own modules by require().
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
};

const drivers = ['ioredis', 'upstash'];
// Without a route: administrators invoke the relay, API Gateway asks the check of the origin.
const names = [...new Set(routes.map((route) => route.function)), 'relay', 'origin-check'];

/** Emptied first: files of an older bundle must not stay in the asset. */
async function bundle(folder, name, entry, extra) {
  await rm(join(out, folder), { recursive: true, force: true });
  const { metafile } = await build({
    ...common,
    ...extra,
    entryPoints: [{ in: entry, out: name }],
    outdir: join(out, folder),
    outExtension: { '.js': '.mjs' },
  });
  if (options.meta) {
    await mkdir(join(out, 'meta'), { recursive: true });
    await writeFile(join(out, 'meta', `${folder.replaceAll('/', '-')}.json`), JSON.stringify(metafile));
  }
}

/** Programs of the published package, for every supported Node: Node does not run TypeScript below node_modules. */
function program(entry, file) {
  return build({
    ...common,
    entryPoints: [entry],
    outfile: join(out, file),
    target: 'node20',
    packages: 'external',
    banner: {},
    sourcemap: false,
  });
}

/** Outside Lambda there is no AWS SDK: it is bundled. `fronttcp dev` runs it with the Node that is there, a container with 24. */
async function bundleGateway() {
  await bundle('gateway', 'main', 'gateway/main.ts', { external: ['pino-pretty'], target: 'node20' });
  await Promise.all([
    ...['Dockerfile', '.dockerignore', 'healthcheck.mjs'].map((file) =>
      cp(join(root, 'gateway', file), join(out, 'gateway', file)),
    ),
    // The addon, where `npm run build:native` has built it, beside a page about it.
    cp(join(root, 'gateway/net/native'), join(out, 'gateway/native'), {
      recursive: true,
      filter: async (path) => !/\.[ch]$/.test(path),
    }),
  ]);
}

/** What runs in Lambda, and the programs of the package. */
const others = () => [
  program('bin/fronttcp.ts', 'fronttcp.mjs'),
  // The paths that local/ expects: the gateway in ../gateway, the process of a function beside it.
  program('local/start.ts', 'dev/start.mjs'),
  program('local/upstream/function-child.ts', 'dev/function-child.mjs'),
  ...drivers.flatMap((driver) =>
    names.map((name) =>
      // The condition picks the one Redis client; 'module' must be named again once there are any conditions.
      bundle(`functions/${driver}/${name}`, 'index', `functions/${name}/handler.ts`, {
        conditions: [driver, 'module'],
        // Modules imported on demand (tracing) are separate files, and not read before.
        splitting: true,
        // Our error classes set their own names; source maps have the rest.
        keepNames: false,
        external: ['@aws-sdk/*', '@smithy/*'],
      }),
    ),
  ),
];

await Promise.all([bundleGateway(), ...(options.gateway ? [] : others())]);
