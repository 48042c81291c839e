import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, userBox, writeAndSend } from './support/browser.ts';
import { type Answered, done, OPERATOR, refused } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const run = promisify(execFile);
const ui = setUpConsole(async (setup) => {
  setup.api.users = [
    { phone_number: 'pump-1', online: true },
    { phone_number: 'pump-2', online: false },
    { phone_number: 'pump-3', online: true },
  ];
  await setup.open();
  await logIn(setup.page);
  await userBox(setup.page, 'pump-1').waitFor();
});

const log = (page: Page) => page.getByRole('list', { name: 'Sent from this page' });
const sentBodies = () => ui.api.requestsOf('POST /send-command').map(({ body }) => body);
const sentKeys = () => ui.api.requestsOf('POST /send-command').map(({ headers }) => headers['idempotency-key']);

test('one chosen user is a single chat', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  await page.getByText('Single · 102').waitFor();
  await writeAndSend(page, '你好, pump');
  await log(page).getByText('Sent to 1 online').waitFor();
  expect(sentBodies()).toEqual([{ command_id: 102, chat_to: 'pump-1', content: '你好, pump', receipt: true }]);
  expect(await page.locator('#content').inputValue()).toBe('');
});

test('several are a group: sent, stored and unknown are counted', async () => {
  const { page } = ui;
  await page.getByLabel('All found').check();
  await page.getByText('Group · 103').waitFor();
  await page.getByRole('button', { name: 'Send to 3 clients' }).waitFor();
  ui.api.users = ui.api.users.slice(0, 2);
  await writeAndSend(page, 'hello');
  await log(page).getByText('Sent to 1 online').waitFor();
  await log(page).getByText('Stored for 1', { exact: true }).waitFor();
  await log(page).getByText('Unknown: 1').waitFor();
  expect(sentBodies()).toEqual([
    { command_id: 103, chat_to: ['pump-1', 'pump-2', 'pump-3'], content: 'hello', receipt: true },
  ]);
});

test('everyone connected is a broadcast, without recipients and without a time to keep it', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  await page.getByLabel('If away, keep for').selectOption('1 hour');
  await page.getByLabel('Everyone connected').check();
  await page.getByText('Broadcast · 104').waitFor();
  await page.getByText('2 clients are connected now.').waitFor();
  await writeAndSend(page, 'to all');
  const dialog = page.getByRole('dialog', { name: 'Send to everyone?' });
  await dialog.getByText('All 2 clients that are connected now get this message.').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(sentBodies()).toEqual([]);
  await page.getByRole('button', { name: 'Send to 2 clients' }).click();
  await dialog.getByRole('button', { name: 'Send', exact: true }).click();
  await log(page).getByText('Sent to 2 online').waitFor();
  expect(sentBodies()).toEqual([{ command_id: 104, content: 'to all', receipt: true }]);
});

test('how long to keep it, and no receipt', async () => {
  const { page } = ui;
  await userBox(page, 'pump-2').check();
  await page.getByLabel('If away, keep for').selectOption('1 hour');
  await page.getByLabel('Follow the delivery').uncheck();
  await writeAndSend(page, 'later');
  await log(page).getByText('Stored for 1', { exact: true }).waitFor();
  expect(sentBodies()).toEqual([{ command_id: 102, chat_to: 'pump-2', content: 'later', ttl_s: 3600 }]);
  expect(ui.api.requestsOf('GET /commands/{id}')).toEqual([]);
});

test('an incomplete draft is not sent: the page says what is missing', async () => {
  const { page } = ui;
  await writeAndSend(page, 'to whom?');
  await page.locator('#compose-problem').getByText('Choose at least one recipient.').waitFor();
  await userBox(page, 'pump-1').check();
  await writeAndSend(page, '   ');
  await page.locator('#compose-problem').getByText('Write a message first.').waitFor();
  expect(sentBodies()).toEqual([]);
});

test('a refusal shows its reason, the text stays, and a new attempt has a new key', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  ui.api.answer('POST /send-command', () => refused(413, 'the body is too large'));
  await writeAndSend(page, 'long');
  await log(page).getByText('Refused: the body is too large').waitFor();
  expect(await page.locator('#content').inputValue()).toBe('long');
  ui.api.answer('POST /send-command', undefined);
  await writeAndSend(page, 'long');
  await log(page).getByText('Sent to 1 online').waitFor();
  expect(new Set(sentKeys()).size).toBe(2);
});

test('a refusal of a firewall in front of the API does not end the session', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  ui.api.answer('POST /send-command', () => ({
    ...{ status: 403, body: '<h1>403 Forbidden</h1>', headers: { 'content-type': 'text/html' } },
  }));
  await writeAndSend(page, 'DROP TABLE');
  await log(page).getByText('Refused: HTTP 403').waitFor();
  ui.api.answer('POST /send-command', undefined);
  await writeAndSend(page, 'hello');
  await log(page).getByText('Sent to 1 online').waitFor();
});

test('a number that a double cannot hold is sent digit by digit, and so is its reply shown', async () => {
  const { page } = ui;
  const wide = '{"serial":9007199254740993}';
  await userBox(page, 'pump-1').check();
  await page.getByLabel('Application').check();
  await page.getByLabel('Ask and wait for the reply').check();
  await page.locator('#content').fill(wide);
  await page.getByText('The same as code').click();
  await page.getByLabel('Language of the code').selectOption('TypeScript');
  const typescript = await page.locator('.compose pre').innerText();
  ui.api.answer('POST /send-command', () => ({
    ...{ status: 200, headers: {} },
    body: `{"code":1,"message":"done","id":"1","recipients":{"online":1},"outcome":"replied","reply":${wide}}`,
  }));
  await page.getByRole('button', { name: 'Send to 1 client' }).click();
  await log(page).getByText('"serial": 9007199254740993').waitFor();
  await run(process.execPath, ['--input-type=module-typescript', '-e', typescript], {
    env: { ...process.env, TOKEN: 't' },
  });
  const sent = ui.api.requestsOf('POST /send-command').map(({ text }) => text);
  expect(sent).toEqual([expect.stringContaining(wide), expect.stringContaining(wide)]);
});

test('without a response the page does not know whether it was sent: each retry has the same key', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  ui.api.answer('POST /send-command', 'reset');
  await writeAndSend(page, 'once');
  await log(page).getByText('Not confirmed: The API cannot be reached.').waitFor();
  await writeAndSend(page, 'once');
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  ui.api.answer('POST /send-command', undefined);
  await page.getByRole('button', { name: 'Try again' }).click();
  await log(page).getByText('Sent to 1 online').waitFor();
  const keys = sentKeys();
  expect(keys.length).toBeGreaterThanOrEqual(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(await page.locator('.send').count()).toBe(1);
  expect(await page.locator('#content').inputValue()).toBe('');
});

test('another text after a send without a response is a new message', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  ui.api.answer('POST /send-command', 'reset');
  await writeAndSend(page, 'one');
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  ui.api.answer('POST /send-command', undefined);
  await writeAndSend(page, 'two');
  await log(page).getByText('Sent to 1 online').waitFor();
  expect(await page.locator('.send').count()).toBe(2);
  expect(new Set(sentKeys()).size).toBe(2);
});

test.each([429, 503])('%i: the retry counts down and works', async (status) => {
  const { page } = ui;
  await page.clock.install();
  await page.reload();
  await userBox(page, 'pump-1').check();
  ui.api.answer('POST /send-command', () => refused(status, 'later', { 'retry-after': '60' }));
  await writeAndSend(page, 'hello');
  const waiting = page.getByRole('button', { name: /Try again in [1-6]?\d s/ });
  await waiting.waitFor();
  expect(await waiting.isDisabled()).toBe(true);
  ui.api.answer('POST /send-command', undefined);
  await page.clock.fastForward(60_000);
  await page.getByRole('button', { name: 'Try again', exact: true }).click();
  await log(page).getByText('Sent to 1 online').waitFor();
  expect(new Set(sentKeys()).size).toBe(1);
});

test('the delivery is followed to its end, per recipient', async () => {
  const { page } = ui;
  let state = 'routed';
  ui.api.answer('GET /commands/{id}', () =>
    done({
      recipients: [
        { phone_number: 'pump-1', state },
        { phone_number: 'pump-2', state: 'stored' },
      ],
    }),
  );
  await page.getByLabel('All found').check();
  await writeAndSend(page, 'hello');
  await log(page).getByText('On its way 1').waitFor();
  state = 'acknowledged';
  await log(page).getByText('Acknowledged 1').waitFor();
  await page.getByText('2 recipients', { exact: true }).click();
  await page.locator('.delivery li', { hasText: 'pump-2' }).getByText('Stored').waitFor();
});

test('the receipt of a broadcast comes in pages, of which the first ones are shown', async () => {
  const { page } = ui;
  const pageOf = (from: number, cursor: string | null) => {
    const ids = Array.from({ length: 500 }, (_, i) => `device-${from + i}`);
    return done({ recipients: ids.map((id) => ({ phone_number: id, state: 'acknowledged' })), cursor });
  };
  let pages = 3;
  ui.api.answer('GET /commands/{id}', ({ url }) => {
    const at = Number(url.searchParams.get('cursor') ?? 0);
    return pageOf(500 * at, at + 1 < pages ? String(at + 1) : null);
  });
  await page.getByLabel('All found').check();
  await writeAndSend(page, 'to many');
  await log(page).getByText('Acknowledged 1500').waitFor();
  expect(await log(page).getByText('of the first').count()).toBe(0);

  pages = 80;
  await writeAndSend(page, 'to very many');
  await log(page).getByText('of the first 4,000 recipients').waitFor();
});

test('the reply of one recipient is awaited and shown', async () => {
  const { page } = ui;
  const recipients = { online: 1, stored: 0, unknown: 0 };
  const answering = Promise.withResolvers<Answered>();
  ui.api.answer('POST /send-command', () => answering.promise);
  await page.getByLabel('All found').check();
  expect(await page.getByLabel('Ask and wait for the reply').count()).toBe(0);
  await page.getByLabel('All found').uncheck();
  await userBox(page, 'pump-1').check();
  await page.getByLabel('Ask and wait for the reply').check();
  await writeAndSend(page, 'how warm?');
  await log(page).getByText('waiting for the reply, at most 20 s').waitFor();
  const asked = { command_id: 102, chat_to: 'pump-1', content: 'how warm?', receipt: true };
  await until('the command came', () => sentBodies().length > 0);
  expect(sentBodies()).toEqual([{ ...asked, wait: 'reply', timeout_s: 20 }]);
  answering.resolve(done({ id: '1', recipients, outcome: 'replied', reply: { celsius: 21.5 } }));
  await log(page).getByText('"celsius": 21.5').waitFor();
  await page.getByRole('status').getByText('A reply has come.').waitFor();

  const receipt = { phone_number: 'pump-1', state: 'acknowledged' };
  ui.api.answer('GET /commands/{id}', () => done({ recipients: [receipt] }));
  ui.api.answer('POST /send-command', () => ({
    status: 202,
    body: { code: 1, message: 'pending', id: '2', recipients, outcome: 'pending' },
  }));
  await writeAndSend(page, 'and now?');
  await log(page).getByText('No reply yet.').waitFor();
  ui.api.answer('GET /commands/{id}', () => done({ recipients: [{ ...receipt, state: 'replied', reply: 'later' }] }));
  await log(page).getByText('"later"').waitFor();
});

test('a reply that cannot come is shown, and the message counts as sent', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  await page.getByLabel('Ask and wait for the reply').check();
  ui.api.answer('POST /send-command', () => ({
    status: 409,
    body: { code: 0, error: 'cannot_reply', message: 'the client cannot reply', id: '1' },
  }));
  await writeAndSend(page, 'how warm?');
  await log(page).getByText('There will be no reply: the client cannot reply').waitFor();
  expect(await page.locator('#content').inputValue()).toBe('');
});

test('the draft as code: what a shell and Node run sends the same', async () => {
  const { page } = ui;
  await userBox(page, 'pump-2').check();
  await page.locator('#content').fill(`it's $HOME "\\n" 你好`);
  await page.getByText('The same as code').click();
  const code = page.locator('.compose pre');
  const shown: string[] = [];
  for (const language of ['curl', 'TypeScript', 'Python']) {
    await page.getByLabel('Language of the code').selectOption(language);
    shown.push(await code.innerText());
  }
  const [curl = '', typescript = '', python = ''] = shown;
  const env = { ...process.env, TOKEN: `token.${OPERATOR}` };
  const { stdout } = await run('sh', ['-c', `curl() { printf '%s\\0' "$@"; }; ${curl}`], { env });
  const args = stdout.split('\0');
  expect(args.slice(0, 3)).toEqual([
    new URL('/send-command', ui.api.url).href,
    '-H',
    `Authorization: Bearer ${env.TOKEN}`,
  ]);
  const command = { command_id: 102, chat_to: 'pump-2', content: `it's $HOME "\\n" 你好`, receipt: true };
  expect(JSON.parse(args.at(-2) ?? '')).toEqual(command);
  await run(process.execPath, ['--input-type=module-typescript', '-e', typescript], { env });
  expect(sentBodies()).toEqual([command]);
  expect(python).toContain(JSON.stringify(JSON.stringify(command)));
});

test('a result is announced to a screen reader', async () => {
  const { page } = ui;
  await userBox(page, 'pump-1').check();
  await writeAndSend(page, 'hello');
  await page.getByRole('status').getByText('Sent to 1 online, stored for 0, unknown 0.').waitFor();
});
