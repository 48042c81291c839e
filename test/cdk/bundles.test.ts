import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { type Bundles, makeBundles } from '../support/bundles.ts';

const names = [...new Set(routes.map((route) => route.function))];
const clients = { ioredis: /node_modules\/(ioredis|@ioredis)\//, upstash: /node_modules\/@upstash\// } as const;
const FOREIGN = /node_modules\/(aws-cdk|aws-cdk-lib|constructs|cdk-nag|prom-client|vitest|esbuild)\//;

describe('the bundles', () => {
  let bundles: Bundles;
  beforeAll(async () => {
    bundles = await makeBundles();
  });
  afterAll(() => bundles.remove());

  const inputs = (bundle: string): string[] =>
    Object.keys(JSON.parse(readFileSync(join(bundles.directory, 'meta', `${bundle}.json`), 'utf8')).inputs);
  const own = (bundle: string): string[] => inputs(bundle).filter((path) => !path.includes('node_modules/'));

  describe.each(['ioredis', 'upstash'] as const)('with %s', (driver) => {
    it.each(names)('%s has its function and contract/ inside, and no other', (name) => {
      const folders = /^(functions\/shared\/|functions\/routes\.ts$|contract\/)/;
      // The API's description is made of every function's schemas.
      const allowed =
        name === 'openapi'
          ? /^functions\/[\w-]+\/(schema|handler|document|no-route)\.ts$/
          : new RegExp(`^functions/${name}/`);
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

  it('the gateway holds its own code and contract/, with all that it needs', () => {
    expect(own('gateway').filter((path) => !/^(gateway|contract)\//.test(path))).toEqual([]);
    const text = readFileSync(join(bundles.directory, 'gateway/main.mjs'), 'utf8');
    const imported = [...text.matchAll(/from\s?"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(imported.filter((name) => !/^(node:)?[a-z_/]+$/.test(name))).toEqual([]);
  });

  it('the image is built from nothing but the bundle', () => {
    expect(readdirSync(join(bundles.directory, 'gateway')).sort()).toEqual([
      '.dockerignore',
      'Dockerfile',
      'main.mjs',
      'main.mjs.map',
    ]);
  });
});
