import type { Browser } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, type OpenedPage, openConsole, sharedBrowser, userBox } from './support/browser.ts';
import { done, refused, type ScriptedApi, startScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;
let opened: OpenedPage;

beforeAll(async () => {
  browser = await sharedBrowser();
});

beforeEach(async () => {
  api = await startScriptedApi();
  opened = await openConsole(browser, api.url);
});
afterEach(async () => {
  await opened.close();
  await api.stop();
  expect(opened.problems).toEqual([]);
});

test('presence is live: who comes and goes is seen without a reload', async () => {
  const { page } = opened;
  api.users = [{ phone_number: 'pump-1', online: false, last_seen: Date.now() - 180_000 }];
  await logIn(page);
  await page.getByText('Last seen 3 min. ago').waitFor();
  api.users = [{ phone_number: 'pump-1', online: true, connected_at: Date.now() }];
  await page.getByText(/Online since \d\d:\d\d:\d\d/).waitFor();
  await page.getByText('1 client connected', { exact: true }).waitFor();
});

test('a choice and the focus stay while the list is read anew', async () => {
  const { page } = opened;
  api.users = [{ phone_number: 'b', online: false }];
  await logIn(page);
  await userBox(page, 'b').check();
  await userBox(page, 'b').focus();
  api.users = [
    { phone_number: 'a', online: true },
    { phone_number: 'b', online: true },
  ];
  await userBox(page, 'a').waitFor();
  expect(await userBox(page, 'b').isChecked()).toBe(true);
  expect(await userBox(page, 'b').and(page.locator(':focus')).count()).toBe(1);
});

test('pages are loaded on request, and stay', async () => {
  const { page } = opened;
  api.users = fleet(120);
  await logIn(page);
  await page.getByText('50 users shown').waitFor();
  await page.getByRole('button', { name: 'Load more' }).click();
  await page.getByText('100 users shown').waitFor();
  await page.getByRole('button', { name: 'Load more' }).click();
  await page.getByText('120 users shown').waitFor();
  await page.getByRole('button', { name: 'Load more' }).waitFor({ state: 'detached' });
  const rounds = api.requestsOf('GET /stats').length;
  await until('another round', () => api.requestsOf('GET /stats').length > rounds + 1);
  expect(await page.locator('.user').count()).toBe(120);
});

test('a further page comes, whatever is read anew meanwhile', async () => {
  const { page } = opened;
  api.users = fleet(120);
  await logIn(page);
  await page.getByText('50 users shown').waitFor();
  const second = Promise.withResolvers<void>();
  api.answer('GET /users', async ({ url }) => {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    if (from > 0) await second.promise;
    return done({ users: api.users.slice(from, from + 50), cursor: String(from + 50) });
  });
  const asked = () => api.requestsOf('GET /users').filter(({ url }) => url.searchParams.has('cursor')).length;
  await page.getByRole('button', { name: 'Load more' }).click();
  await until('the second page is asked for', () => asked() === 1);
  const rounds = api.requestsOf('GET /stats').length;
  await page.evaluate(`window.dispatchEvent(new Event('online'))`);
  await until('a round begins', () => api.requestsOf('GET /stats').length > rounds);
  second.resolve();
  await page.getByText('100 users shown').waitFor();
});

test('search asks the API by prefix, whatever is typed', async () => {
  const { page } = opened;
  api.users = [...fleet(60), { phone_number: 'zz&q=%', online: false }];
  await logIn(page);
  await page.getByRole('searchbox').fill('zz&q=%');
  await userBox(page, 'zz&q=%').waitFor();
  expect(await page.locator('.user').count()).toBe(1);
  await page.getByRole('searchbox').fill('<b>nobody');
  await page.getByText('No user ID begins with “<b>nobody”.').waitFor();
});

test('online only', async () => {
  const { page } = opened;
  api.users = [
    { phone_number: 'here', online: true },
    { phone_number: 'away', online: false },
  ];
  await logIn(page);
  await userBox(page, 'away').waitFor();
  await page.getByLabel('Online only').check();
  await userBox(page, 'away').waitFor({ state: 'detached' });
  expect(await userBox(page, 'here').isVisible()).toBe(true);
});

test('no users at all: the page says how to get some', async () => {
  await logIn(opened.page);
  await opened.page.getByText('There are no users yet.').waitFor();
});

test('while the API is away the page says so, backs off, and goes on by itself', async () => {
  const { page } = opened;
  api.users = [{ phone_number: 'pump-1', online: true }];
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  api.answer('GET /users', () => refused(503, 'away', { 'retry-after': '1' }));
  await page.getByText(/not available at the moment\. What is shown is from/).waitFor();
  await page.getByText('No contact').waitFor();
  expect(await userBox(page, 'pump-1').isVisible()).toBe(true);
  api.answer('GET /users', undefined);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('not available at the moment').waitFor({ state: 'detached' });
});

test('what is not JSON of the API, such as a captive portal, is no answer', async () => {
  const { page } = opened;
  await logIn(page);
  await page.getByText('Live', { exact: true }).waitFor();
  api.answer('GET /users', () => ({ status: 200, body: { welcome: 'to the hotel' } }));
  await page.getByText('The API cannot be reached.').waitFor();
});

test('a hidden page asks nothing, and asks at once when it is seen again', async () => {
  const { page } = opened;
  await logIn(page);
  // A page that is loaded anew before the answer has come is not logged in.
  await page.getByText('Live', { exact: true }).waitFor();
  await page.clock.install();
  await page.reload();
  await page.getByText('Live', { exact: true }).waitFor();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));

  await page.clock.fastForward(60_000);
  await until('a round of a page that is seen', () => asked.length >= 2);
  await page.waitForLoadState('networkidle');
  // Headless Chromium has no window to cover: the page is told what the browser would tell it.
  await page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
     document.dispatchEvent(new Event('visibilitychange'))`,
  );
  asked.length = 0;
  for (let i = 0; i < 5; i += 1) await page.clock.fastForward(60_000);
  expect(await page.evaluate('document.hidden')).toBe(true);
  expect(asked).toEqual([]);

  await page.evaluate(`delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))`);
  await until('a round of a page that is seen again', () => asked.length >= 2);
});

test('hostile user ids are text: nothing of them runs, breaks the layout or reorders its neighbours', async () => {
  const ids = [
    '<img src=x onerror="document.title=1">',
    '"><script>document.title=1</script>',
    '{{constructor.constructor("return 1")()}}',
    'javascript:alert(1)',
    '\u202Eevil\u202C',
    'מכשיר-7',
    '📟👩‍👩‍👧',
    ' ',
    'd'.repeat(128),
    '__proto__',
  ];
  const { page } = opened;
  api.users = ids.map((phone_number) => ({ phone_number, online: true }));
  await logIn(page);
  await until('all are shown', async () => (await page.locator('.user').count()) === ids.length);
  expect(await page.locator('.user bdi').allTextContents()).toEqual(ids);
  expect(await page.title()).toBe('Send · fronttcp console');
  await page.getByLabel('All shown').check();
  await page.locator('#content').fill('<b onclick=x>bold</b>');
  await page.locator('#content').press('Control+Enter');
  await page.locator('.log').getByText('Sent to 10 online').waitFor();
  expect(await page.locator('.send-content').textContent()).toBe('<b onclick=x>bold</b>');
  expect(api.requestsOf('POST /send-command')[0]?.body).toMatchObject({ chat_to: ids });
  expect(await page.locator('img, b[onclick], #app script').count()).toBe(0);
});

test('an id that turns the direction of text round does not reorder the sentence that names it', async () => {
  const { page } = opened;
  const id = '\u202Eevil';
  api.users = [
    { phone_number: id, online: true },
    { phone_number: 'pump-1', online: true },
  ];
  await logIn(page);
  await userBox(page, id).check();
  await userBox(page, 'pump-1').check();
  await page.locator('#content').fill('hello');
  await page.locator('#content').press('Control+Enter');
  expect(await page.locator('.send-to').textContent()).toBe('to \u2068\u202Eevil\u2069 and 1 more');
});

function fleet(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    phone_number: `device-${String(i).padStart(4, '0')}`,
    online: i % 2 === 0,
  }));
}
