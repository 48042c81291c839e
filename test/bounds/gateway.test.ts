import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { gateway, startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { until } from '../kit/until.ts';

let g: TestGateway;
beforeAll(async () => {
  g = await startTestGateway({ AUTH_TIMEOUT_MS: '4000', MAX_UNVERIFIED_BYTES: '100000' });
});
afterAll(() => g.stop());

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test('row 10: one connection that verifies again and again is slowed down, and writes no flood of events', async () => {
  const client = await g.verified('r10');
  const frames = Array.from({ length: 400 }, () => frameBytes(1, { phone_number: 'r10', token: 'token of r10' }));
  const before = Number(await g.redis.command('XLEN', g.keys.events));
  const startedAt = performance.now();
  client.sendBytes(...frames);
  const waits = async () => (await g.metric('fronttcp_verify_delayed_total')) > 0;
  await until('it waits', waits, { timeoutMs: 60_000 });
  // Two events of each verify, and one verify is forgotten in a second.
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(Number(await g.redis.command('XLEN', g.keys.events)) - before).toBeLessThan(250 + 2 * seconds);
  client.socket.destroy();
});

test('row 11: a frame before the verify has at most 8 KiB', async () => {
  const at = await g.peer();
  at.sendBytes(frameBytes(1, `{"phone_number": "r11", "token": "${'x'.repeat(100)}"${' '.repeat(8_192 - 12 - 139)}}`));
  await at.receives(101, { code: 0 });
  const over = await g.peer();
  const header = frameBytes(1, '');
  header.writeUInt32BE(8_193, 0);
  over.sendBytes(header);
  await over.ended();
  expect(await g.metric('fronttcp_closes_total{reason="bad_length"}')).toBe(1);
});

test('row 11: what connections send before they verify has a bound all together, and is free again with their end', async () => {
  const part = frameBytes(1, 'x'.repeat(8_000)).subarray(0, 8_000);
  const held = await Promise.all(names('', 20).map(() => g.peer()));
  for (const peer of held) peer.sendBytes(part);
  await until('some are closed', () => held.filter(({ isClosed }) => isClosed).length >= 8);
  expect(held.filter(({ isClosed }) => isClosed).length).toBeLessThan(12);
  for (const peer of held) peer.socket.destroy();
  await until('they are gone', async () => (await g.metric('fronttcp_connections')) === 0);
  await g.verified('r11-fine');
  const again = await Promise.all(names('', 8).map(() => g.peer()));
  for (const peer of again) peer.sendBytes(part);
  await g.verified('r11-fine-too');
  expect(again.every(({ isClosed }) => !isClosed)).toBe(true);
  for (const peer of again) peer.socket.destroy();
});

test('row 12: wrong tokens for a user from many connections: the user gets in, within a quarter of AUTH_TIMEOUT_MS', async () => {
  await g.users('r12-new');
  const attackers = await Promise.all(names('', 40).map(() => g.peer()));
  const wrong = frameBytes(1, { phone_number: 'r12-new', token: 'wrong' });
  for (const peer of attackers) peer.sendBytes(wrong, wrong);
  await until('they have failed', async () => (await g.metric('fronttcp_verify_refused_total')) >= 40);
  const elapsedMs = stopwatch();
  expect((await (await g.peer()).verify('r12-new')).code).toBe(1);
  expect(elapsedMs()).toBeLessThan(2_500);
  for (const peer of attackers) peer.socket.destroy();
  const unverified = async () => (await g.metric('fronttcp_connections')) - (await g.metric('fronttcp_sessions'));
  await until('they are gone', async () => (await unverified()) === 0);
  // This address has verified as this user: it is not delayed any more, however much has failed.
  const delayed = await g.metric('fronttcp_verify_delayed_total');
  expect((await (await g.peer()).verify('r12-new')).code).toBe(1);
  expect(await g.metric('fronttcp_verify_delayed_total')).toBe(delayed);
});

test('row 14: idle connections to the health port do not keep health checks out', async () => {
  const idle = names('', 100).map(() => connect(g.running.healthPort, '127.0.0.1'));
  onTestFinished(() => {
    for (const socket of idle) socket.destroy();
  });
  for (const socket of idle) socket.on('error', () => socket.destroy());
  // Before that, the oldest might be the one on which the next check is under way.
  await until('the oldest have gone', () => idle.filter((socket) => socket.destroyed).length >= 36);
  for (let i = 0; i < 5; i += 1) expect(await g.health('/healthz')).toBe(200);
});

test('row 15: a record of a newer version is kept until a gateway of that version reads it', async () => {
  const client = await g.verified('r15');
  const inbox = g.keys.inbox(g.running.id);
  await g.redis.command('XADD', inbox, '*', '["z","of a newer version"]', 'body');
  await until('it is kept', async () => (await g.redis.command('LLEN', g.keys.inboxUnread)) === 1);
  expect(await g.redis.command('LINDEX', g.keys.inboxUnread, 0)).toBe(
    JSON.stringify(['["z","of a newer version"]', 'body']),
  );
  await until('it has left the inbox', async () => (await g.redis.command('XLEN', inbox)) === 0);
  expect(await g.metric('fronttcp_inbox_unread_total')).toBe(1);
  const id = '1839033227411456';
  const known = JSON.stringify([
    `["m","${id}",102,1100,0,"","",["r15",1],[]]`,
    '{"chat_from": "p", "chat_content": "late"}',
  ]);
  await g.redis.command('RPUSH', g.keys.inboxUnread, known);
  // One that starts looks for what it knows.
  await gateway({}, { prefix: g.keys.prefix });
  await client.receives(102, { chat_from: 'p', chat_content: 'late' });
  expect(await g.redis.command('LLEN', g.keys.inboxUnread)).toBe(1);
});
