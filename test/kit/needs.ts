import { join } from 'node:path';
import { copiesDir } from '../../local/programs/copies-dir.ts';
import { type CopiedProgram, copyProgram } from '../../local/programs/copy.ts';
import { findOnPath } from '../../local/redis/find.ts';
import { lastLines, run } from '../../local/redis/run.ts';

/** Programs that whole areas of the tests need and that `npm ci` does not bring. Redis is not here: all need it. */
export interface Need {
  /** Folder of test/. */
  readonly area: string;
  /** What is looked for on PATH: any of these will do. */
  readonly programs: readonly string[];
  /** The package that has it, by package manager. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** How a user without root gets a copy of it, where that is possible. */
  readonly copy?: CopiedProgram;
}

export const needs: readonly Need[] = [
  {
    area: 'console',
    // The same browser without its window takes a third less of the processor.
    programs: ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'],
    packages: {
      'apt-get': ['chromium-headless-shell', 'fonts-noto-cjk'],
      dnf: ['chromium'],
      apk: ['chromium', 'font-noto-cjk'],
    },
    copy: {
      name: 'chromium-headless-shell',
      packages: ['chromium-headless-shell', 'chromium-common', 'fonts-noto-cjk'],
      file: 'usr/lib/chromium/chromium-headless-shell',
    },
  },
  {
    area: 'container',
    programs: ['podman'],
    packages: {
      'apt-get': ['buildah', 'podman', 'crun'],
      dnf: ['buildah', 'podman', 'crun'],
      apk: ['buildah', 'podman', 'crun'],
    },
  },
  // The reference clients in C and Python, and the addon of gateway/net.
  ...['examples', 'net'].map((area) => ({
    area,
    programs: ['cc'],
    packages: { 'apt-get': ['gcc', 'libc6-dev'], dnf: ['gcc', 'libasan', 'libubsan'], apk: ['gcc', 'musl-dev'] },
  })),
  {
    area: 'examples',
    programs: ['python3'],
    packages: { 'apt-get': ['python3'], dnf: ['python3'], apk: ['python3'] },
  },
  // Too large to be installed for one client: where they are missing, its suite is reported as not run.
  { area: 'examples-java', programs: ['javac'], packages: {} },
  { area: 'examples-go', programs: ['go'], packages: {} },
  // The alert rules are tried by the program that will run them.
  ...['observe', 'drill'].map((area) => ({
    area,
    programs: ['promtool'],
    packages: { 'apt-get': ['prometheus'], dnf: ['golang-github-prometheus'], apk: ['prometheus'] },
    copy: {
      name: 'promtool',
      packages: ['prometheus'],
      file: 'usr/bin/promtool',
      more: { prometheus: 'usr/bin/prometheus' },
    },
  })),
  // Amazon's runtime client is compiled on the first run of these.
  {
    area: 'container',
    programs: ['cmake'],
    packages: { 'apt-get': ['cmake', 'make', 'g++'], dnf: ['cmake', 'make', 'gcc-c++'], apk: ['cmake', 'make', 'g++'] },
  },
];

type Provided =
  | { readonly state: 'there'; readonly path: string }
  /** This machine cannot have it: no root, or no package manager that we know. */
  | { readonly state: 'impossible'; readonly why: string }
  /** It should have been possible. */
  | { readonly state: 'failed'; readonly why: string };

const installers: Readonly<Record<string, string>> = {
  'apt-get': 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends',
  dnf: 'dnf install -y',
  apk: 'apk add --no-cache',
};

/**
 * Finds one of the programs; else fetches a copy of it into the folder of this process, or installs it, as far as this
 * user may. Never rejects.
 */
export async function provide(
  need: Need,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  copies = copiesDir(),
): Promise<Provided> {
  const there = (await find(need, env)) ?? (await findCopy(need, copies));
  if (there !== undefined) return { state: 'there', path: there };
  const missing = `${need.programs[0]} missing`;
  if (need.copy) {
    await copyProgram(need.copy, { dir: copies, env, say });
    const path = await findCopy(need, copies);
    if (path !== undefined) return { state: 'there', path };
  }
  for (const [manager, install] of Object.entries(installers)) {
    const packages = need.packages[manager];
    if (packages === undefined || (await findOnPath(manager, env)) === undefined) continue;
    const sudo = await rootPrefix(env);
    if (sudo === undefined) return { state: 'impossible', why: `${missing}; to install it needs root` };
    say(`Installing ${packages.join(' and ')} with ${manager} for the tests of ${need.area}`);
    const command = [...sudo, 'sh', '-c', `${install} ${packages.join(' ')}`];
    const { code, output } = await run(command[0] ?? 'sh', command.slice(1), { env, timeoutMs: 10 * 60_000 });
    const path = await find(need, env);
    if (code === 0 && path !== undefined) return { state: 'there', path };
    return { state: 'failed', why: `${missing}; ${manager} could not install it: ${lastLines(output, 2)}` };
  }
  return { state: 'impossible', why: `${missing}; no package of it for this machine` };
}

async function find(need: Need, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const program of need.programs) {
    const path = await findOnPath(program, env);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** A copy that starts: its libraries are there too. */
async function findCopy({ copy }: Need, copies: string): Promise<string | undefined> {
  if (copy === undefined) return undefined;
  const path = join(copies, 'bin', copy.name);
  return (await run(path, ['--version'])).code === 0 ? path : undefined;
}

async function rootPrefix(env: NodeJS.ProcessEnv): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  return (await run('sudo', ['-n', 'true'], { env })).code === 0 ? ['sudo', '-n'] : undefined;
}
