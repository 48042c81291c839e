import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { bundles } from '../kit/bundles.ts';

const names = [...new Set(routes.map((route) => route.function)), 'relay'];
const clients = { ioredis: /node_modules\/(ioredis|@ioredis)\//, upstash: /node_modules\/@upstash\// } as const;
/** Asked for within a try, for colours on a terminal. */
const OPTIONAL = new Set(['supports-color']);
const FOREIGN = /node_modules\/(aws-cdk|aws-cdk-lib|constructs|cdk-nag|prom-client|vitest|esbuild)\//;

describe('the bundles', () => {
  let bundled: string;
  beforeAll(async () => {
    bundled = await bundles();
  });

  const meta = (bundle: string): Metafile => JSON.parse(readFileSync(join(bundled, 'meta', `${bundle}.json`), 'utf8'));
  const inputs = (bundle: string): string[] => Object.keys(meta(bundle).inputs);
  const own = (bundle: string): string[] => inputs(bundle).filter((path) => !path.includes('node_modules/'));

  describe.each(['ioredis', 'upstash'] as const)('with %s', (driver) => {
    it.each(names)('%s holds its function and what functions share, and no other function', (name) => {
      const folders = /^(functions\/(http|runtime)\/|functions\/routes\.ts$|contract\/|shared\/)/;
      const allowed = new RegExp(`^functions/${name}/`);
      expect(own(`functions-${driver}-${name}`).filter((path) => !folders.test(path) && !allowed.test(path))).toEqual(
        [],
      );
    });

    it.each(names)('%s holds no other Redis client, and nothing of the deployment or the gateway', (name) => {
      const other = driver === 'ioredis' ? clients.upstash : clients.ioredis;
      const found = inputs(`functions-${driver}-${name}`).filter((path) => other.test(path) || FOREIGN.test(path));
      expect(found).toEqual([]);
    });

    it('send-command holds its Redis client', () => {
      expect(inputs(`functions-${driver}-send-command`).some((path) => clients[driver].test(path))).toBe(true);
    });
  });

  it('the gateway holds its own code, contract/ and shared/, with all that it needs', () => {
    expect(own('gateway').filter((path) => !/^(gateway|contract|shared)\//.test(path))).toEqual([]);
    const { outputs } = meta('gateway');
    const external = Object.values(outputs).flatMap((one) =>
      one.imports.filter((it) => it.external).map((it) => it.path),
    );
    expect(external.filter((name) => !isBuiltin(name) && !OPTIONAL.has(name))).toEqual([]);
  });

  it('the image is built from nothing but the bundle', () => {
    expect(readdirSync(join(bundled, 'gateway')).sort()).toEqual([
      '.dockerignore',
      'Dockerfile',
      'healthcheck.mjs',
      'main.mjs',
      'main.mjs.map',
    ]);
  });
});
