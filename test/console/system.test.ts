import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { sendOf } from '../first-hour/readme.ts';
import type { Peer } from '../kit/peer.ts';
import { repository } from '../kit/process.ts';
import { until } from '../kit/until.ts';
import { logIn, type OpenedPage, openConsole, sharedBrowser, userBox, writeAndSend } from './support/browser.ts';
import { type System, startSystem } from './support/system.ts';

const OPERATOR = '13764408552';
const FIRST = '13565208554';
const SECOND = '1390854961g';

let browser: Browser;
let system: System;
let opened: OpenedPage;

beforeAll(async () => {
  [browser, system] = await Promise.all([sharedBrowser(), startSystem()]);
});
afterAll(async () => {
  await system.stop();
});

beforeEach(async () => {
  opened = await openConsole(browser, system.url);
  await logIn(opened.page);
  await userBox(opened.page, FIRST).waitFor();
});
afterEach(async () => {
  await opened.close();
  expect(opened.problems).toEqual([]);
});

test('a message from the page arrives at a connected client, and the page shows how far it came', async () => {
  const { page } = opened;
  const client = await system.connectClient(FIRST);
  await row(FIRST)
    .getByText(/Online since/)
    .waitFor();
  await page.getByText('1 client connected', { exact: true }).waitFor();
  await page.getByText('1 gateway', { exact: true }).waitFor();
  await userBox(page, FIRST).check();
  await writeAndSend(page, '你好 <b>pump</b> 📟');
  expect(await arrived(client, 102)).toEqual({ chat_from: OPERATOR, chat_content: '你好 <b>pump</b> 📟' });
  await result('Sent to 1 online').waitFor();
  await result('Written to the connection 1').waitFor();
  client.socket.destroy();
  await row(FIRST)
    .getByText(/Last seen/)
    .waitFor();
});

test('to a group: sent to connected users, stored for the others, and delivered when they connect', async () => {
  const { page } = opened;
  const client = await system.connectClient(FIRST);
  await row(FIRST)
    .getByText(/Online since/)
    .waitFor();
  await userBox(page, FIRST).check();
  await userBox(page, SECOND).check();
  await writeAndSend(page, 'to both');
  expect(await arrived(client, 103)).toEqual({ chat_from: OPERATOR, chat_content: 'to both' });
  await result('Sent to 1 online').waitFor();
  await result('Stored for 1').waitFor();
  const late = await system.connectClient(SECOND);
  expect(await arrived(late, 103)).toEqual({ chat_from: OPERATOR, chat_content: 'to both' });
  await result('Written to the connection 2').waitFor();
  client.socket.destroy();
  late.socket.destroy();
});

test('to everyone connected', async () => {
  const { page } = opened;
  const clients = await Promise.all([system.connectClient(FIRST), system.connectClient(SECOND)]);
  await page.getByText('2 clients connected', { exact: true }).waitFor();
  await page.getByLabel('Everyone connected').check();
  await writeAndSend(page, 'to all');
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  for (const client of clients) {
    expect(await arrived(client, 104)).toEqual({ chat_from: OPERATOR, chat_content: 'to all' });
    client.socket.destroy();
  }
  await result('Sent to 2 online').waitFor();
});

test('the curl of README does not log its operator out of the page', async () => {
  const { page } = opened;
  const send = sendOf(readFileSync(join(repository, 'README.md'), 'utf8'), new URL(system.url).port)
    .replace('"operator"', `"${OPERATOR}"`)
    .replace('"device-1"', `"${FIRST}"`);
  const { stdout } = await promisify(execFile)('bash', ['-c', send]);
  expect(JSON.parse(stdout)).toMatchObject({ code: 1 });
  await userBox(page, SECOND).check();
  await writeAndSend(page, 'still logged in');
  await result('Stored for 1').waitFor();
});

test('a user who was removed meanwhile is unknown', async () => {
  const { page } = opened;
  const { redis, keys } = system.runtime;
  await redis.pipeline([
    ['HSET', keys.user('gone'), 'token', 'x'],
    ['ZADD', keys.users, 0, 'gone'],
  ]);
  await userBox(page, 'gone').check();
  await redis.pipeline([
    ['DEL', keys.user('gone')],
    ['ZREM', keys.users, 'gone'],
  ]);
  await writeAndSend(page, 'hello?');
  await result('Unknown: 1').waitFor();
});

test('Redis away: the page says so, retries a send with the same key, and recovers by itself', async () => {
  const { page } = opened;
  await userBox(page, SECOND).check();
  await system.redis.kill('SIGSTOP');
  await page.getByText('not available at the moment. What is shown').waitFor();
  await writeAndSend(page, 'in bad times');
  const unanswered = 'Not confirmed: The service is not available at the moment.';
  await result(`${unanswered} A retry is safe, it is never sent twice.`).waitFor();
  await system.redis.kill('SIGCONT');
  await page.getByText('In contact', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Try again', exact: true }).click();
  await result('Stored for 1').waitFor();
  const client = await system.connectClient(SECOND);
  await until('it arrived', () => client.frames.some(({ commandId }) => commandId === 102));
  client.socket.destroy();
});

test("a dead letter is shown, retried when its recipient is known, and delivered; the history and the user's timeline show the rest", async () => {
  const { page } = opened;
  const { redis, keys } = system.runtime;
  await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
  await page.getByText('No dead letters.').waitFor();
  const entry = { command_id: 102, chat_from: 'billing', chat_to: ['newcomer'], chat_content: 'welcome' };
  await redis.command('LPUSH', keys.queue, JSON.stringify(entry));
  await page.locator('.letter').getByText('unknown recipients', { exact: true }).waitFor();
  const client = await system.connectClient('newcomer', undefined, { acknowledges: true });
  await page.getByRole('button', { name: 'Retry' }).click();
  expect(await arrived(client, 102)).toMatchObject({ chat_from: 'billing', chat_content: 'welcome' });
  await page.getByText('No dead letters.').waitFor();

  await page.getByRole('navigation').getByRole('link', { name: 'Send' }).click();
  await userBox(page, 'newcomer').check();
  await writeAndSend(page, 'hello');
  await result('Acknowledged 1').waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'History' }).click();
  const row = page.locator('.command-row', { hasText: 'newcomer' });
  await row.getByText('Acknowledged 1').waitFor();
  await row.getByRole('link', { name: 'newcomer' }).click();
  await page.getByText(/Since .*, acknowledges/).waitFor();
  await page.getByText('0 messages wait').waitFor();
  await page.getByRole('list', { name: 'Recent commands' }).getByText('Acknowledged 1').waitFor();
  await page.getByRole('button', { name: 'Revoke token' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke token' }).click();
  await until('the connection is closed', () => client.isClosed);
  await page.locator('.facts').getByText('None').nth(1).waitFor();

  await page.getByRole('navigation').getByRole('link', { name: 'Gateways' }).click();
  await page.getByRole('row', { name: /^g/ }).waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Tokens' }).click();
  await page.getByLabel('Name').fill('dashboard');
  await page.getByLabel('Send commands').uncheck();
  await page.getByLabel('Read users, figures and receipts').check();
  await page.getByRole('button', { name: 'Make the token' }).click();
  const token = await page.getByLabel('The new token').inputValue();
  const asked = await fetch(new URL('/stats', system.url), { headers: { authorization: `Bearer ${token}` } });
  expect(asked.status).toBe(200);
});

test("log out revokes the token and closes the operator's own connection", async () => {
  const { page } = opened;
  const token = await page.evaluate<string>(`JSON.parse(sessionStorage.getItem('fronttcp.session')).token`);
  const client = await system.connectClient(OPERATOR, token);
  await row(OPERATOR)
    .getByText(/Online since/)
    .waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You are logged out.').waitFor();
  await until("the operator's connection is closed", () => client.isClosed);
});

test('another login of the same operator leaves this page alone; ending all of them ends its session', async () => {
  const { page } = opened;
  const other = await openConsole(browser, system.url);
  await logIn(other.page);
  await userBox(other.page, FIRST).waitFor();
  const token = await other.page.evaluate<string>(`JSON.parse(sessionStorage.getItem('fronttcp.session')).token`);
  await other.close();
  await page.reload();
  await userBox(page, FIRST).waitFor();
  const answer = await fetch(new URL('/logout', system.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{"all": true}',
  });
  expect(answer.status).toBe(200);
  await page.getByText(/Your session is over\./).waitFor();
});

const row = (userId: string) => opened.page.locator('.user', { has: opened.page.getByText(userId, { exact: true }) });
const result = (text: string) => opened.page.locator('.log').getByText(text, { exact: true });

async function arrived(client: Peer, commandId: number): Promise<unknown> {
  const found = () => client.frames.find((message) => message.commandId === commandId);
  return (await until(`a frame ${commandId}`, found)).body;
}
