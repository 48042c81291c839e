import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import type { Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { bundles } from '../kit/bundles.ts';

const names = [...new Set(routes.map((route) => route.function)), 'relay', 'origin-check'];
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

  describe('what a sandbox reads before its first request', () => {
    /** The file of the handler with what it imports at once; tracing is read only where it is asked for. */
    const loaded = (bundle: string): { bytes: number; inputs: string[] } => {
      const { outputs } = meta(bundle);
      const entry = Object.keys(outputs).find((path) => path.endsWith('/index.mjs')) ?? '';
      const files = new Set<string>();
      const read = (path: string): void => {
        if (files.has(path)) return;
        files.add(path);
        for (const one of outputs[path]?.imports ?? [])
          if (one.kind === 'import-statement' && !one.external) read(one.path);
      };
      read(entry);
      const all = [...files].flatMap((path) => outputs[path] ?? []);
      return {
        bytes: all.reduce((sum, one) => sum + one.bytes, 0),
        inputs: all.flatMap((one) =>
          Object.entries(one.inputs).flatMap(([path, it]) => (it.bytesInOutput ? [path] : [])),
        ),
      };
    };
    /** Bytes. */
    const LIMITS = { ioredis: 240_000, upstash: 150_000, page: 100_000 } as const;
    const isPage = (name: string): boolean => name === 'console' || name === 'openapi';

    it.each(['ioredis', 'upstash'] as const)('is small, with %s', (driver) => {
      const tooLarge = names
        .map((name) => ({ name, bytes: loaded(`functions-${driver}-${name}`).bytes }))
        .filter(({ name, bytes }) => bytes > LIMITS[isPage(name) ? 'page' : driver]);
      expect(tooLarge).toEqual([]);
    });

    it('has neither a Redis client nor zod for a page or a document', () => {
      for (const name of ['console', 'openapi']) {
        const found = loaded(`functions-ioredis-${name}`).inputs.filter((path) => /ioredis|\/zod\//.test(path));
        expect(found, name).toEqual([]);
      }
    });

    it('has no tracing, which is asked for at run time', () => {
      const { inputs: read } = loaded('functions-ioredis-send-command');
      expect(read.filter((path) => path.includes('@opentelemetry'))).toEqual([]);
    });

    it('has no part of a library that serves other users', () => {
      for (const name of names) {
        const found = loaded(`functions-ioredis-${name}`).inputs.filter((path) =>
          /\/(pino|debug)\/|SentinelIterator|json-schema\.js|memoizer\.js|Pipeline\.js|ShardedSubscriber|locales\/(?!en\.js|index\.js)/.test(
            path,
          ),
        );
        expect(found, name).toEqual([]);
      }
    });

    it('has finished scripts, with their digests', () => {
      const folder = join(bundled, 'functions/ioredis/send-command');
      const modules = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
      const text = modules.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
      const scripts = [...text.matchAll(/\{name:"(\w+)",lua:("(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`),sha1:"(\w+)"\}/g)];
      expect(scripts.map(([, name]) => name)).toEqual(expect.arrayContaining(['clock', 'route', 'withdraw']));
      for (const [, name, literal = '', sha1] of scripts) {
        const lua: string = runInNewContext(literal);
        expect(createHash('sha1').update(lua).digest('hex'), name).toBe(sha1);
        expect(lua, name).not.toMatch(/^ *--/m);
      }
      // No limit of a test build, although this process has one.
      expect(text.includes('STEP_WORK,WORK_LIMIT=5000,nil')).toBe(true);
    });

    it('has no schema of a response, and no script of another function', () => {
      const text = (name: string) => readFileSync(join(bundled, 'functions/ioredis', name, 'index.mjs'), 'utf8');
      expect(text('users')).not.toContain('Shown this once');
      expect(text('tokens')).toContain('is not an object');
      expect(text('commands')).not.toContain('front_tcp:routed');
      expect(text('login')).not.toContain('local function route');
    });

    it("does not need Node's fetch, whose first call is slow, where the store is not asked by HTTP", () => {
      for (const name of ['login', 'send-command', 'origin-check']) {
        const text = readFileSync(join(bundled, 'functions/ioredis', name, 'index.mjs'), 'utf8');
        expect(/\bfetch\(/.test(text), name).toBe(false);
      }
    });

    it('asks Node for nothing that only later calls use; for TLS, and so for its root certificates, where the store has TLS', () => {
      const asked = (url: string): string[] => {
        const program = `await import(${JSON.stringify(join(bundled, 'functions/ioredis/send-command/index.mjs'))});
          console.log(JSON.stringify(process.moduleLoadList));`;
        const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
          encoding: 'utf8',
          env: { ...process.env, REDIS_URL: url },
        });
        return JSON.parse(output);
      };
      expect(asked('redis://127.0.0.1')).not.toContain('NativeModule tls');
      expect(asked('redis://127.0.0.1')).not.toContain('NativeModule assert');
      // What `import 'node:fs'` reads beside it.
      expect(asked('redis://127.0.0.1')).not.toContain('NativeModule internal/fs/promises');
      expect(asked('rediss://127.0.0.1')).toContain('NativeModule tls');
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
      'native',
    ]);
    expect(readdirSync(join(bundled, 'gateway/native')).filter((file) => !file.endsWith('.node'))).toEqual([
      'README.md',
    ]);
  });
});
