import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { startApi } from '../../local/http/server.ts';
import { gateway } from '../kit/gateway.ts';
import { startHttpApi } from '../kit/http-api.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { tokenOf, withPassword } from '../kit/users.ts';

const SNAPSHOT = ['--save', '', '--appendonly', 'no'];
const LOG = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'fronttcp-restore-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function server(dir: string, args: readonly string[]): Promise<TestRedis> {
  const started = await startTestRedis({ dir, args });
  onTestFinished(() => started.stop());
  return started;
}

it.each([
  ['a snapshot', SNAPSHOT, 'SAVE'],
  ['a copy of the append-only log', LOG, 'PING'],
] as const)(
  '%s in a new Redis is the deployment as it was then',
  async (_, args, before) => {
    const live = await folder();
    const old = await server(live, args);
    const http = await startHttpApi({ url: old.url });
    onTestFinished(() => http.stop());
    const device = await gateway({}, { redisUrl: old.url, prefix: http.prefix });
    const first = await device.verified('connected', ['ack']);
    const epoch = Number(await http.redis.hget(`${http.prefix}user:connected`, 'epoch'));
    await http.addUser('away', { token: 'token of away' });
    await http.addUser('later', await withPassword('a password'));
    const kept = await http.send({ command_id: 102, chat_to: 'away', content: 'before the backup' });
    expect(kept.body.recipients).toMatchObject({ stored: 1 });

    await http.redis.call(before);
    const backup = await folder();
    await cp(live, backup, { recursive: true });

    // After the backup: a message, and a token.
    const missed = await http.send({ command_id: 102, chat_to: 'away', content: 'after the backup' });
    const { body } = await http.post(
      '/login',
      { phone_number: 'later', password: 'a password' },
      { authorization: '' },
    );
    expect(typeof body.token).toBe('string');

    const restored = await server(backup, args);
    const api = await startApi({
      port: 0,
      env: { REDIS_URL: restored.url, REDIS_KEY_PREFIX: http.prefix, LOG_LEVEL: 'silent' },
    });
    onTestFinished(() => api.close());
    const admin = new Redis(restored.url);
    onTestFinished(() => admin.disconnect());
    const second = await gateway({}, { redisUrl: restored.url, prefix: http.prefix });
    const call = (path: string, token: string, init: RequestInit = {}) =>
      fetch(`${api.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });

    // The tokens in the backup are valid; a user with a later one logs in again.
    expect((await call('/stats', tokenOf('op'))).status).toBe(200);
    expect((await call('/send-command', body.token, { method: 'POST', body: '{}' })).status).toBe(401);
    const again = await fetch(`${api.url}/login`, {
      method: 'POST',
      body: JSON.stringify({ phone_number: 'later', password: 'a password' }),
    });
    expect(again.status).toBe(200);

    // The session of the gateway that is gone is buried by the new one, and its user comes back with a higher epoch.
    const presence = () => admin.hget(`${http.prefix}user:connected`, 'gateway');
    expect(first.verdict.code).toBe(1);
    await until('the old gateway is buried', async () => !(await presence()), { timeoutMs: 30_000 });
    expect((await second.verified('connected', ['ack'])).verdict.code).toBe(1);
    expect(Number(await admin.hget(`${http.prefix}user:connected`, 'epoch'))).toBeGreaterThan(epoch);

    // What waited then waits now; what came after the backup is not there.
    const command = { command_id: 102, chat_to: 'away', content: 'after the restoration' };
    const sent = await call('/send-command', tokenOf('op'), { method: 'POST', body: JSON.stringify(command) });
    const { id } = (await sent.json()) as { id: string };
    const waiting = (await admin.zrange(`${http.prefix}mailbox:away`, '0', '-1')).join('\n');
    expect(waiting).toContain('before the backup');
    expect(waiting).toContain('after the restoration');
    expect(waiting).not.toContain('after the backup');
    // Ids go on by Redis's clock: no id is given twice, not even one that the backup does not know.
    expect(BigInt(id)).toBeGreaterThan(BigInt(missed.body.id));
    const reader = await second.peer();
    expect((await reader.verify('away', { token: 'token of away' })).code).toBe(1);
    expect(JSON.stringify((await reader.next()).body)).toContain('before the backup');
    expect(JSON.stringify((await reader.next()).body)).toContain('after the restoration');
  },
  180_000,
);

it('a snapshot is taken over into a log by a server that starts without one', async () => {
  const live = await folder();
  const old = await server(live, SNAPSHOT);
  const writer = new Redis(old.url);
  await writer.set('of-the-backup', '1');
  await writer.call('SAVE');
  writer.disconnect();
  const backup = await folder();
  await cp(join(live, 'dump.rdb'), join(backup, 'dump.rdb'));

  const first = await startTestRedis({ dir: backup, args: SNAPSHOT });
  const admin = new Redis(first.url);
  await admin.config('SET', 'appendonly', 'yes');
  await until('the log is written', async () => {
    const info = await admin.info('persistence');
    return /aof_enabled:1/.test(info) && /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
  });
  admin.disconnect();
  await first.stop();
  await rm(join(backup, 'dump.rdb'), { force: true });
  const logged = new Redis((await server(backup, LOG)).url);
  onTestFinished(() => logged.disconnect());
  expect(await logged.get('of-the-backup')).toBe('1');
}, 60_000);
