import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../kit/process.ts';
import { bundleInputs, importsOf, sourceFiles } from './import-graph.ts';
import { bundleViolations, folders, violations } from './rules.ts';

/** As the deployment builds them: the import condition that chooses `#redis-driver`. */
const drivers = ['upstash', 'ioredis'];

async function functionNames(root: string): Promise<string[]> {
  const files = await readdir(join(root, 'functions'), { recursive: true });
  return files.filter((file) => /^[^/]+\/handler\.ts$/.test(file)).map((file) => dirname(file));
}

async function check(root: string): Promise<string[]> {
  return violations(await importsOf(root, await sourceFiles(root, folders)));
}

async function checkBundle(root: string, name: string, driver: string): Promise<string[]> {
  return bundleViolations(name, await bundleInputs(root, [`functions/${name}/handler.ts`], [driver]));
}

describe('the repository', () => {
  it('has sources in every part', async () => {
    const files = await sourceFiles(repository, folders);
    for (const part of ['contract', 'shared', 'functions', 'gateway', 'sdk', 'cli', 'lib']) {
      expect(files.filter((file) => file.startsWith(`${part}/`)).length, part).toBeGreaterThan(0);
    }
  });

  it('imports in one direction only', async () => {
    expect(await check(repository)).toEqual([]);
  });

  it.each(drivers)('bundles each function with its own files only, for %s', async (driver) => {
    const names = await functionNames(repository);
    expect(names.length).toBeGreaterThan(0);
    const found = await Promise.all(names.map((name) => checkBundle(repository, name, driver)));
    expect(found.flat()).toEqual([]);
  });
});

describe('a planted violation is reported', () => {
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fronttcp-imports-'));
    const files: Record<string, string> = {
      'contract/frame.ts': `export const size = 12;\n`,
      'contract/records.ts': `import { z } from 'zod';\nexport const record = z.string();\n`,
      'contract/wrong.ts': `import { route } from '../gateway/router.ts';\nexport const x = route;\n`,
      'contract/circle-a.ts': `import { b } from './circle-b.ts';\nexport const a = () => b;\n`,
      'contract/circle-b.ts': `import { a } from './circle-a.ts';\nexport const b = () => a;\n`,
      'contract/types-a.ts': `import type { B } from './types-b.ts';\nexport type A = B | 1;\nexport const a = 1;\n`,
      'contract/types-b.ts': `import { a } from './types-a.ts';\nexport type B = 2;\nexport const b = a;\n`,
      'gateway/compose.ts': `import { listen } from './net/listener.ts';\nexport const composed = listen;\n`,
      'gateway/net/listener.ts': `import type { Session } from '../session/session.ts';\nexport const listen = (s: Session) => s;\n`,
      'gateway/session/session.ts': `import { composed } from '../compose.ts';\nexport type Session = 1;\nexport const s = composed;\n`,
      'gateway/commands/single.ts': `import { tail } from '../observe/tail.ts';\nimport type { Session } from '../session/session.ts';\nexport const single = (s: Session) => [s, tail];\n`,
      'gateway/observe/tail.ts': `import type { Session } from '../session/session.ts';\nexport const tail = 1 as unknown as Session;\n`,
      'gateway/util/all.ts': `import { tail } from '../observe/tail.ts';\nexport const all = tail;\n`,
      'gateway/router.ts': `export const route = 1;\nexport type Route = number;\n`,
      'gateway/wrong.ts': `import type { Client } from '../sdk/right.ts';\nexport type X = Client;\n`,
      'sdk/right.ts': `import { size } from '../contract/frame.ts';\nexport const s = size;\nexport type Client = 1;\n`,
      'sdk/wrong.ts': `import { record } from '../contract/records.ts';\nexport const r = record;\n`,
      'functions/routes.ts': `export const routes = [];\n`,
      'functions/stats/handler.ts': `import { other } from '../users/rule.ts';\nexport const handler = other;\n`,
      'functions/users/rule.ts': `import 'ioredis';\nimport '@upstash/redis';\nexport const other = 1;\n`,
      'functions/users/handler.ts': `import { other } from './rule.ts';\nexport const handler = other;\n`,
      'functions/login/handler.ts': `import { route } from '../../gateway/router.ts';\nexport const handler = route;\n`,
      'lib/right.ts': `import type { Route } from '../gateway/router.ts';\nimport { routes } from '../functions/routes.ts';\nexport const r: Route[] = routes;\n`,
      'lib/wrong.ts': `import { route } from '../gateway/router.ts';\nexport const r = route;\n`,
      'local/right.ts': `import { route } from '../gateway/router.ts';\nexport const r = route;\n`,
    };
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), text);
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  it('by direction, also of types and through other files, by layers of the gateway, and by circles', async () => {
    expect(await check(root)).toEqual([
      'circle at runtime: contract/circle-a.ts → contract/circle-b.ts → contract/circle-a.ts',
      'contract/wrong.ts imports gateway/router.ts: contract/ never imports gateway/',
      'functions/login/handler.ts imports gateway/router.ts: functions/ never imports gateway/',
      'gateway/commands/single.ts imports gateway/observe/tail.ts: gateway/commands/ never imports gateway/observe/',
      'gateway/net/listener.ts imports gateway/session/session.ts: gateway/net/ never imports gateway/session/',
      'gateway/session/session.ts imports gateway/compose.ts: gateway/session/ never imports files of gateway/ itself',
      'gateway/util/all.ts: gateway/util/ has no place in the order of layers',
      'gateway/wrong.ts imports sdk/right.ts: gateway/ never imports sdk/',
      'lib/wrong.ts imports gateway/router.ts at runtime: lib/ takes runtime code as types only',
      'sdk/wrong.ts reaches zod: sdk/ has no dependency',
    ]);
  });

  it('by what a function bundles', async () => {
    expect(await checkBundle(root, 'login', 'upstash')).toEqual(['login bundles gateway/router.ts']);
    expect(await checkBundle(root, 'stats', 'upstash')).toEqual([
      'stats bundles functions/users/rule.ts',
      'stats bundles ioredis and @upstash/redis',
    ]);
  });
});
