import { expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, userBox, writeAndSend } from './support/browser.ts';
import { done, OPERATOR, PASSWORD, refused } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole(async (setup) => {
  setup.api.users = [{ phone_number: OPERATOR, role: 'operator', online: false }];
  await setup.open();
});

test('the token is in sessionStorage alone, and outlives a reload', async () => {
  const { page } = ui;
  await logIn(page);
  await userBox(page, OPERATOR).waitFor();
  const token = `token.${OPERATOR}`;
  expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).toContain(token);
  expect(await page.evaluate('JSON.stringify({ ...localStorage }) + document.cookie')).not.toContain(token);
  expect(page.url()).toBe(`${ui.api.url}#/send`);
  await page.reload();
  await userBox(page, OPERATOR).waitFor();
  expect(ui.api.requestsOf('POST /login')).toHaveLength(1);
});

test('a wrong password is shown, and can be corrected', async () => {
  const { page } = ui;
  await logIn(page, OPERATOR, 'wrong');
  await page.getByRole('alert').getByText('The user ID or the password is wrong.').waitFor();
  await logIn(page, OPERATOR, PASSWORD);
  await userBox(page, OPERATOR).waitFor();
});

test('an empty form names what is missing and makes no request', async () => {
  await ui.page.locator('button[type=submit]').click();
  await ui.page.getByText('Enter a user ID and a password.').waitFor();
  expect(ui.api.requests).toEqual([]);
});

test('a user who is not an operator sees the reason, and no token is kept', async () => {
  const { page } = ui;
  await logIn(page, '13565208554');
  await page.getByText('13565208554 is not an operator').waitFor();
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
});

test('429 counts down before the next request', async () => {
  const { page } = ui;
  await page.clock.install();
  await page.reload();
  ui.api.answer('POST /login', () => refused(429, 'too many', { 'retry-after': '60' }));
  await logIn(page);
  await page.getByText('Too many requests.').waitFor();
  await page.getByText(/Try again in [1-6]?\d seconds/).waitFor();
  await page.locator('input[name=password]').press('Enter');
  expect(ui.api.requestsOf('POST /login')).toHaveLength(1);
  await page.clock.fastForward(60_000);
  await page.getByText(/Try again in/).waitFor({ state: 'detached' });
  ui.api.answer('POST /login', undefined);
  await page.locator('button[type=submit]').click();
  await userBox(page, OPERATOR).waitFor();
});

test('an API that is unreachable or unavailable is shown', async () => {
  const { page } = ui;
  ui.api.answer('POST /login', 'reset');
  await logIn(page);
  await page.getByText('The API cannot be reached.').waitFor();
  ui.api.answer('POST /login', () => refused(503, 'away', { 'retry-after': '1' }));
  await logIn(page);
  await page.getByText('The service is not available at the moment.').waitFor();
});

test('an expired token leads back to the login, and the draft is kept', async () => {
  const { page } = ui;
  await logIn(page);
  await userBox(page, OPERATOR).check();
  await page.locator('#content').fill('half a sentence');
  ui.api.answer('GET /users', () => refused(401, 'over'));
  await page.getByText('Your session is over.').waitFor();
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
  ui.api.answer('GET /users', undefined);
  await logIn(page);
  await userBox(page, OPERATOR).waitFor();
  expect(await userBox(page, OPERATOR).isChecked()).toBe(true);
  expect(await page.locator('#content').inputValue()).toBe('half a sentence');
});

test('a session that ended says whether the token expired or was revoked', async () => {
  const { page } = ui;
  await logIn(page);
  await userBox(page, OPERATOR).waitFor();
  ui.api.answer('GET /users', () => refused(401, 'over'));
  await page.getByText('The token was revoked, or newer logins have replaced it.').waitFor();
  const expires_at = Math.floor(Date.now() / 1000) - 1;
  ui.api.answer('POST /login', () => done({ token: `token.${OPERATOR}`, expires_at }));
  await logIn(page);
  await page.getByText('The token expired: ').waitFor();
});

test('log out explains itself, asks, revokes the token and stops polling', async () => {
  const { page } = ui;
  await logIn(page);
  await page.getByRole('button', { name: 'Log out' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('that connection is closed').waitFor();
  await dialog.getByRole('button', { name: 'Stay' }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await dialog.getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You are logged out.').waitFor();
  expect(ui.api.requestsOf('POST /logout').map(({ headers }) => headers.authorization)).toEqual([
    `Bearer token.${OPERATOR}`,
  ]);
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
});

test('logging out leaves nothing for the next user who logs in', async () => {
  const { page } = ui;
  await logIn(page);
  await userBox(page, OPERATOR).check();
  await writeAndSend(page, 'mine');
  await page.locator('.send').waitFor();
  await page.locator('#content').fill('half a sentence');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You are logged out.').waitFor();
  await logIn(page);
  await userBox(page, OPERATOR).waitFor();
  expect(await userBox(page, OPERATOR).isChecked()).toBe(false);
  expect(await page.locator('#content').inputValue()).toBe('');
  expect(await page.locator('.send').count()).toBe(0);
});

test('a session that ended by itself keeps the draft for its own user alone', async () => {
  const { page } = ui;
  ui.api.operators.push('another');
  await logIn(page);
  await userBox(page, OPERATOR).check();
  await page.locator('#content').fill('half a sentence');
  ui.api.answer('GET /users', () => refused(401, 'over'));
  await page.getByText('Your session is over.').waitFor();
  ui.api.answer('GET /users', undefined);
  await logIn(page, 'another');
  await userBox(page, OPERATOR).waitFor();
  expect(await userBox(page, OPERATOR).isChecked()).toBe(false);
  expect(await page.locator('#content').inputValue()).toBe('');
});

test('log out without contact forgets the token here, and says that it was not revoked', async () => {
  const { page } = ui;
  await logIn(page);
  ui.api.answer('POST /logout', 'reset');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.getByText('the token stays valid until it expires').waitFor();
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
});

test('the page works behind a stage name and at the root', async () => {
  const { page } = ui;
  const seen: string[] = [];
  page.on('request', (request) => seen.push(new URL(request.url()).pathname));
  await page.route('**/prod/**', async (route) => {
    const inner = route.request().url().replace('/prod/', '/');
    await route.fulfill({ response: await route.fetch({ url: inner }) });
  });
  await page.goto(`${ui.api.url.replace('/web/', '/prod/web/')}#/send`);
  await logIn(page);
  await until('the users were asked for', () => seen.includes('/prod/users'));
  await page.goto(new URL('/#/send', ui.api.url).href);
  await until('the users were asked for', () => seen.includes('/users'));
});
