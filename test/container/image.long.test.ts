import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { hashPassword } from '../../contract/store/passwords.ts';
import { accessString } from '../../lib/redis/credentials.ts';
import { Env } from '../../lib/runtime-environment.ts';
import { connect } from '../../sdk/client/connect.ts';
import { bundles } from '../kit/bundles.ts';
import { INSTALL_TIMEOUT_MS, runtimeClient } from '../kit/lambda/runtime-client.ts';
import { post, type Sandbox, startSandbox } from '../kit/lambda/sandbox.ts';
import { startSecretsExtension } from '../kit/lambda/secrets-extension.ts';
import { reservePort } from '../kit/ports.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { Engine } from './support/container.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:store-AbCdEf';
const PREFIX = '{fronttcp}:';
const STORE_USER = { username: 'app', password: 'password-of-the-store' };
const PASSWORD = 'correct horse';
const keys = keysOf(PREFIX);

describe('the image', () => {
  let bundled: string;
  let redis: TestRedis;
  let admin: Redis;
  let engine: Engine;
  let extension: Awaited<ReturnType<typeof startSecretsExtension>>;
  const functions = new Map<string, Sandbox>();
  let port: number;
  let healthPort: number;

  const call = async (name: string, body: object, token?: string): Promise<Record<string, unknown>> => {
    const answer = await functions.get(name)?.request(post(`/${name}`, body, token));
    expect(answer?.statusCode, answer?.body).toBe(200);
    return JSON.parse(answer?.body ?? '');
  };

  beforeAll(async () => {
    await runtimeClient('compiled');
    bundled = await bundles();
    redis = await startTestRedis({ cluster: true, args: ['--cluster-announce-ip', '127.0.0.1'] });
    admin = new Redis(redis.url);
    const rights = accessString(PREFIX).split(' ');
    await admin.call('ACL', 'SETUSER', STORE_USER.username, `>${STORE_USER.password}`, ...rights);
    for (const [id, role] of [
      ['operator', 'operator'],
      ['device', 'user'],
    ] as const) {
      await admin.hset(keys.user(id), { password: await hashPassword(PASSWORD), role });
      await admin.zadd(keys.users, 0, id);
    }

    const store = { [Env.redisUrl]: redis.url, [Env.redisCluster]: 'true', [Env.redisKeyPrefix]: PREFIX };
    extension = await startSecretsExtension(ARN, STORE_USER);
    for (const name of ['login', 'send-command']) {
      const bundle = join(bundled, 'functions/ioredis', name);
      const own = { [Env.redisSecretArn]: ARN, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port) };
      functions.set(name, await startSandbox(bundle, { ...store, ...own }, 'compiled'));
    }

    [port, healthPort] = await Promise.all([reservePort(), reservePort()]);
    engine = await Engine.create();
    await engine.build(join(bundled, 'gateway'), 'localhost/gateway:test');
    await engine.start('gateway', 'localhost/gateway:test', {
      ...store,
      [Env.redisUsername]: STORE_USER.username,
      [Env.redisPassword]: STORE_USER.password,
      [Env.gatewayPort]: String(port),
      [Env.healthPort]: String(healthPort),
    });
    await until('the gateway is ready', async () => {
      const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined);
      return answer?.ok;
    });
  }, INSTALL_TIMEOUT_MS + 60_000);

  afterAll(async () => {
    await engine?.remove();
    await Promise.all([...functions.values()].map((sandbox) => sandbox.stop()));
    await extension?.stop();
    admin?.disconnect();
    await redis?.stop();
  });

  it('runs as nobody, with nothing to write to and no capabilities', async () => {
    const script = [
      "const { readFileSync, writeFileSync } = require('node:fs');",
      'const tryWrite = (path) => { try { writeFileSync(path, ""); return "written"; } catch (e) { return e.code; } };',
      "const capabilities = /CapEff:\\s*(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];",
      'console.log(JSON.stringify({ user: process.getuid(), app: tryWrite("/app/x"), tmp: tryWrite(["", "tmp", "x"].join("/")), capabilities }));',
    ].join('\n');
    const seen: unknown = JSON.parse(await engine.exec('gateway', ['node', '-e', script]));
    expect(seen).toEqual({ user: 1000, app: 'EROFS', tmp: 'EROFS', capabilities: '0000000000000000' });
  });

  it('runs nothing while it is built, so that it is built for either architecture on any machine', async () => {
    const context = join(bundled, 'gateway');
    const words = (await readFile(join(context, 'Dockerfile'), 'utf8')).match(/^[A-Z]+(?= )/gm);
    expect(new Set(words)).toEqual(
      new Set(['ARG', 'FROM', 'ENV', 'WORKDIR', 'COPY', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT']),
    );
    const [own, other] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];
    expect(await engine.inspect('localhost/gateway:test', '{{.Architecture}}')).toBe(own);
    await engine.build(context, 'localhost/gateway:other', other);
    expect(await engine.inspect('localhost/gateway:other', '{{.Architecture}}')).toBe(other);
  }, 120_000);

  it('checks its own health by the command of the Dockerfile', async () => {
    expect(await engine.inspect('localhost/gateway:test', '{{json .HealthCheck.Test}}')).toBe(
      '["CMD","node","healthcheck.mjs"]',
    );
    await engine.exec('gateway', ['node', 'healthcheck.mjs']);
  });

  it('takes a client, delivers what the functions send, and drains on SIGTERM', async () => {
    const device = await call('login', { phone_number: 'device', password: PASSWORD });
    const operator = await call('login', { phone_number: 'operator', password: PASSWORD });
    const client = await connect({
      host: '127.0.0.1',
      port,
      phoneNumber: 'device',
      token: String(device.token),
      reconnect: false,
    });
    const message = once(client, 'message');
    const command = { command_id: 102, chat_to: ['device'], content: 'from the cloud' };
    expect(await call('send-command', command, String(operator.token))).toMatchObject({ recipients: { online: 1 } });
    expect((await message)[0]).toMatchObject({ kind: 'single', from: 'operator', content: 'from the cloud' });

    const goodbye = once(client, 'goodbye');
    const closed = once(client, 'closed');
    await engine.stop('gateway', 30);
    expect((await goodbye)[0].reconnectAfterMs).toBeGreaterThanOrEqual(0);
    await closed;
    expect(await engine.inspect('gateway', '{{.State.ExitCode}} {{.State.OOMKilled}}')).toBe('0 false');
    expect(await admin.zcard(keys.gateways)).toBe(0);
    expect(await engine.logs('gateway')).not.toContain(String(device.token));
    await client.close();
  }, 60_000);
});
