import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectRelay } from '../../cli/support/relay.ts';
import { addUser } from '../../cli/support/users.ts';
import { keysOf } from '../../contract/store/keys.ts';
import { hashPassword, verifyPassword } from '../../contract/store/passwords.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { accessString } from '../../lib/redis/credentials.ts';
import { Env, type StoreCredentials, type UpstashCredentials } from '../../lib/runtime-environment.ts';
import { bundles } from '../kit/bundles.ts';
import { startInvokeApi } from '../kit/lambda/invoke-api.ts';
import { INSTALL_TIMEOUT_MS, runtimeClient } from '../kit/lambda/runtime-client.ts';
import { post, type Sandbox, startSandbox } from '../kit/lambda/sandbox.ts';
import { startSecretsExtension } from '../kit/lambda/secrets-extension.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { startTestUpstash, type TestUpstash } from '../kit/upstash.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:store-AbCdEf';
const PREFIX = '{fronttcp}:';
const STORE_USER: StoreCredentials = { username: 'app', password: 'password-of-the-store' };
const PASSWORD = 'correct horse';
const TOKEN = 'token-of-the-test';
const keys = keysOf(PREFIX);

interface Deployment {
  readonly environment: Readonly<Record<string, string>>;
  readonly secret: StoreCredentials | UpstashCredentials;
}

let bundled: string;
let redis: TestRedis;
let admin: Redis;
let upstash: TestUpstash;
let deployments: Readonly<Record<'ioredis' | 'upstash', Deployment>>;

beforeAll(async () => {
  await runtimeClient('plain');
  bundled = await bundles();
  // A client in a cluster goes where the nodes say that they are.
  redis = await startTestRedis({ cluster: true, args: ['--cluster-announce-ip', '127.0.0.1'] });
  admin = new Redis(redis.url);
  // The rights that the deployed store gives, so that a script which needs more of them fails here.
  await admin.call(
    'ACL',
    'SETUSER',
    STORE_USER.username,
    `>${STORE_USER.password}`,
    ...accessString(PREFIX).split(' '),
  );
  upstash = await startTestUpstash({ redisUrl: redis.url });
  deployments = {
    ioredis: {
      environment: { [Env.redisUrl]: redis.url, [Env.redisCluster]: 'true', [Env.redisKeyPrefix]: PREFIX },
      secret: STORE_USER,
    },
    upstash: {
      environment: { [Env.redisCluster]: 'false', [Env.redisKeyPrefix]: PREFIX },
      secret: { restUrl: upstash.url, restToken: upstash.token, redisUrl: 'rediss://unused.example.com' },
    },
  };
}, INSTALL_TIMEOUT_MS + 60_000);

afterAll(async () => {
  await upstash.stop();
  admin.disconnect();
  await redis.stop();
});

async function putUser(id: string, fields: Record<string, string> = {}): Promise<void> {
  await admin.hset(keys.user(id), { password: await hashPassword(PASSWORD), ...fields });
  await admin.zadd(keys.users, 0, id);
}

/** The store takes another password, or token, and ends the connections that it let in with the one before. */
async function rotateStore(driver: 'ioredis' | 'upstash', password: string): Promise<void> {
  if (driver === 'upstash') return upstash.rotate(password);
  await admin.call('ACL', 'SETUSER', STORE_USER.username, 'resetpass', `>${password}`);
  await admin.call('CLIENT', 'KILL', 'USER', STORE_USER.username);
}

describe.each(['ioredis', 'upstash'] as const)('the bundles with %s under the runtime client', (driver) => {
  const operator = `operator-${driver}`;
  const recipient = `recipient-${driver}`;
  let extension: Awaited<ReturnType<typeof startSecretsExtension>>;
  const sandboxes: Sandbox[] = [];

  const start = async (name: string): Promise<Sandbox> => {
    const { environment } = deployments[driver];
    const sandbox = await startSandbox(join(bundled, 'functions', driver, name), {
      ...environment,
      [Env.redisSecretArn]: ARN,
      PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
    });
    sandboxes.push(sandbox);
    return sandbox;
  };

  beforeAll(async () => {
    extension = await startSecretsExtension(ARN, deployments[driver].secret);
    await putUser(operator, { role: 'operator' });
    await putUser(recipient);
  });
  afterAll(async () => {
    await Promise.all(sandboxes.map((sandbox) => sandbox.stop()));
    await extension.stop();
  });

  it('log in, and send a command with the token', async () => {
    const login = await start('login');
    const wrong = await login.request(post('/login', { phone_number: operator, password: 'wrong' }));
    expect(wrong.statusCode).toBe(401);

    const right = await login.request(post('/login', { phone_number: operator, password: PASSWORD }));
    expect(right.statusCode).toBe(200);
    const { token } = JSON.parse(right.body ?? '') as { token: string };
    expect(await admin.hget(keys.user(operator), 'token')).toBe(tokenAtRest(token));

    const send = await start('send-command');
    const command = { command_id: 102, chat_to: [recipient], content: 'hello' };
    expect((await send.request(post('/send-command', command))).statusCode).toBe(401);
    const sent = await send.request(post('/send-command', command, token));
    expect(sent.statusCode).toBe(200);
    expect(JSON.parse(sent.body ?? '')).toMatchObject({ code: 1, recipients: { online: 0, stored: 1, unknown: 0 } });
    expect(await admin.zcard(keys.mailbox(recipient))).toBe(1);

    for (const sandbox of sandboxes) {
      expect(sandbox.output()).not.toContain(token);
      expect(sandbox.output()).not.toContain(PASSWORD);
      expect(sandbox.output()).not.toContain(STORE_USER.password);
    }
  });

  it("relay an administrator's commands, to the rights of the store's user and no further", async () => {
    const relay = await start('relay');
    const endpoint = await startInvokeApi(relay);
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', endpoint.url);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of-the-test');
    const store = await connectRelay('relay');
    try {
      expect(store.keys.prefix).toBe(PREFIX);
      await addUser(store, `made-${driver}`, { password: PASSWORD, isOperator: true, replace: false });
      const made = await admin.hgetall(keys.user(`made-${driver}`));
      expect(made).toMatchObject({ role: 'operator' });
      expect(await verifyPassword(PASSWORD, made.password)).toBe(true);
      if (driver === 'ioredis') {
        await expect(store.redis.command('GET', 'of-another-deployment')).rejects.toThrow(/NOPERM/);
      }
    } finally {
      await store.redis.close();
      await endpoint.stop();
      vi.unstubAllEnvs();
    }
  });

  it('read a rotated secret again, within the call that the store refuses; until it is there: 503, never 500', async () => {
    const { secret } = deployments[driver];
    const login = await start('login');
    const attempt = () => login.request(post('/login', { phone_number: operator, password: PASSWORD }));
    expect((await attempt()).statusCode).toBe(200);

    extension.rotate({ ...secret, password: 'rotated', restToken: 'rotated' });
    await rotateStore(driver, 'rotated');
    expect((await attempt()).statusCode).toBe(200);

    // The store is ahead of the secret.
    await rotateStore(driver, driver === 'ioredis' ? STORE_USER.password : TOKEN);
    const refused = await attempt();
    expect([refused.statusCode, JSON.parse(refused.body ?? '')]).toMatchObject([503, { error: 'store_credentials' }]);
    expect(refused.headers).toMatchObject({ 'retry-after': '1' });
    extension.rotate(secret);
    await until('the new secret is in use', async () => (await attempt()).statusCode === 200, { everyMs: 100 });
    expect(login.output()).not.toContain('"status":500');
  });

  it('log the stack of what was not expected with places in the sources', async () => {
    await admin.set(keys.user('of-another-type'), 'text');
    const login = await start('login');
    const answer = await login.request(post('/login', { phone_number: 'of-another-type', password: PASSWORD }));
    expect(answer.statusCode).toBe(500);
    // The log comes by another way than the response.
    await until('the error is logged', () => /WRONGTYPE.*shared\/redis\/errors\.ts:\d+:\d+/.test(login.output()));
  });

  it('refuse to work when the secret cannot be read', async () => {
    const { environment } = deployments[driver];
    const sandbox = await startSandbox(join(bundled, 'functions', driver, 'login'), {
      ...environment,
      [Env.redisSecretArn]: `${ARN}-another`,
      PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
    });
    sandboxes.push(sandbox);
    await expect(sandbox.request(post('/login', { phone_number: operator, password: PASSWORD }))).rejects.toThrow(
      /REDIS_SECRET_ARN could not be read: HTTP 404/,
    );
  });
});

it('the check of the origin admits what shows the secret of CloudFront, and its sandbox has nothing else', async () => {
  const extension = await startSecretsExtension(ARN, 'secret-of-cloudfront');
  const sandbox = await startSandbox(join(bundled, 'functions/ioredis/origin-check'), {
    [Env.originSecretArn]: ARN,
    PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
  });
  try {
    // As API Gateway asks: payload format 2.0, simple responses.
    const event = { version: '2.0', type: 'REQUEST', routeKey: 'GET /stats', headers: { 'x-fronttcp-origin': 'x' } };
    const ask = (value: string) => sandbox.invoke({ ...event, identitySource: [value] });
    expect(await ask('secret-of-cloudfront')).toEqual({ isAuthorized: true });
    expect(await ask('guessed')).toEqual({ isAuthorized: false });
    expect(sandbox.output()).not.toContain('secret-of-cloudfront');
  } finally {
    await sandbox.stop();
    await extension.stop();
  }
});
