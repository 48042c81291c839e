import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** `npm run licences`: writes THIRD_PARTY.md from the lockfile, every package with its licence. A test fails when it is out of date. */
const root = new URL('../', import.meta.url);
const file = fileURLToPath(new URL('THIRD_PARTY.md', root));

const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().default(''),
      license: z.string().default('not stated'),
      dev: z.boolean().default(false),
      devOptional: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
      /** A folder of this repository. */
      link: z.boolean().default(false),
    }),
  ),
});

interface Package {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly isDev: boolean;
  readonly installs: boolean;
}

/** Every package of the lockfile, by name and version. */
export function packages(): Package[] {
  const lock = lockfile.parse(JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')));
  const rows = new Map<string, Package>();
  for (const [path, { version, license: licence, link, ...entry }] of Object.entries(lock.packages)) {
    const { dev, devOptional, hasInstallScript: installs } = entry;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (path.startsWith('node_modules/') && !link)
      rows.set(`${name}@${version}`, { name, version, licence, isDev: dev || devOptional, installs });
  }
  const key = ({ name, version }: Package) => `${name}@${version}`;
  return [...rows.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function table(rows: readonly Package[]): string {
  const lines = rows.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`);
  return ['| package | version | licence |', '| --- | --- | --- |', ...lines].join('\n');
}

/** Returns the text of THIRD_PARTY.md. */
export function thirdParty(): string {
  const all = packages();
  return `# Third-party packages

Written by \`npm run licences\` from the lockfile. \`npm run sbom\` gives the same as CycloneDX.

## What is deployed

${table(all.filter(({ isDev }) => !isDev))}

## What builds and tests it

${table(all.filter(({ isDev }) => isDev))}
`;
}

if (import.meta.main) writeFileSync(file, thirdParty());
