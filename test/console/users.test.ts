import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, userBox } from './support/browser.ts';
import { done, refused } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole(async (setup) => {
  await setup.open();
});

test('presence is live: connects and disconnects show without a reload', async () => {
  const { page } = ui;
  ui.api.users = [{ phone_number: 'pump-1', online: false, last_seen: Date.now() - 180_000 }];
  await logIn(page);
  await page.getByText('Last seen 3 min. ago').waitFor();
  ui.api.users = [{ phone_number: 'pump-1', online: true, connected_at: Date.now() }];
  await page.getByText(/Online since \d\d:\d\d:\d\d/).waitFor();
  await page.getByText('1 client connected', { exact: true }).waitFor();
});

test('the selection and the focus stay while the list is refreshed', async () => {
  const { page } = ui;
  ui.api.users = [{ phone_number: 'b', online: false }];
  await logIn(page);
  await userBox(page, 'b').check();
  await userBox(page, 'b').focus();
  ui.api.users = [
    { phone_number: 'a', online: true },
    { phone_number: 'b', online: true },
  ];
  await userBox(page, 'a').waitFor();
  expect(await userBox(page, 'b').isChecked()).toBe(true);
  expect(await userBox(page, 'b').and(page.locator(':focus')).count()).toBe(1);
});

const asked = () => ui.api.requestsOf('GET /users').map(({ url }) => url.searchParams);
const rowsIn = (page: Page) => page.locator('.virtual-row');

test('a long list scrolls as a whole, and only visible rows are in the document and are requested', async () => {
  const { page } = ui;
  ui.api.users = fleet(5_000);
  await logIn(page);
  await page.getByText('5,000 users').waitFor();
  await userBox(page, 'device-0000').waitFor();
  const heightPx = await page.locator('.virtual').evaluate((list) => list.getBoundingClientRect().height);
  const rowPx = await rowsIn(page)
    .first()
    .evaluate((row) => row.getBoundingClientRect().height);
  expect(heightPx).toBe(5_000 * rowPx);
  for (const share of [0.5, 1, 0.25]) {
    await page.locator('.users').evaluate((box, to) => box.scrollTo(0, to), share * heightPx);
    const first = Math.min(4_999, Math.round(share * 5_000) + 2);
    await userBox(page, `device-${String(first).padStart(4, '0')}`).waitFor();
  }
  expect(await rowsIn(page).count()).toBeLessThan(60);
  for (const query of asked()) expect(Number(query.get('limit'))).toBeLessThan(100);
  expect(asked().length).toBeLessThan(12);
});

test('arrow keys, End and Home go through the whole list, and the focus is never lost', async () => {
  const { page } = ui;
  ui.api.users = fleet(5_000);
  await logIn(page);
  await userBox(page, 'device-0000').focus();
  const isFocused = (id: string) => userBox(page, id).and(page.locator(':focus')).waitFor();
  // What follows a change of the document at once, before any key: the focus is on a row, known or not.
  await page.evaluate(`
    window.lost = 0;
    new MutationObserver(() => { if (!document.activeElement.closest('.virtual-row')) window.lost += 1; })
      .observe(document.querySelector('.virtual'), { childList: true, subtree: true });
  `);
  await page.keyboard.press('End');
  await isFocused('device-4999');
  await page.keyboard.press('ArrowUp');
  await isFocused('device-4998');
  await page.keyboard.press('Home');
  await isFocused('device-0000');
  for (let i = 0; i < 4; i += 1) await page.keyboard.press('PageDown');
  await isFocused('device-0040');
  // Scrolled away by the wheel, it still has the focus, and the next key goes on from there.
  await page.locator('.users').evaluate((box) => box.scrollTo(0, 100_000));
  await userBox(page, 'device-2430').waitFor();
  await page.keyboard.press('ArrowDown');
  await isFocused('device-0041');
  expect(await page.evaluate('window.lost')).toBe(0);
});

test('the visible rows are refreshed, also when rows in front of them came and went', async () => {
  const { page } = ui;
  ui.api.users = fleet(500);
  await logIn(page);
  await userBox(page, 'device-0000').waitFor();
  await page.locator('.users').evaluate((box) => box.scrollTo(0, 4_000));
  await userBox(page, 'device-0100').waitFor();
  ui.api.users = fleet(500).slice(50);
  await userBox(page, 'device-0150').waitFor();
  await page.getByText('450 users').waitFor();
  const last = asked().at(-1);
  expect(Number(last?.get('offset'))).toBeGreaterThan(60);
});

test('a search finds any part of an id, and continues while scrolling', async () => {
  const { page } = ui;
  ui.api.users = [...fleet(900), { phone_number: 'zz&Q=%', online: false }];
  await logIn(page);
  await page.getByRole('searchbox').fill('z&q=%');
  await userBox(page, 'zz&Q=%').waitFor();
  expect(await page.locator('.user').count()).toBe(1);
  await page.getByText('1 user', { exact: true }).waitFor();
  await page.getByRole('searchbox').fill('<b>nobody');
  await page.getByText('No user ID contains “<b>nobody”.').waitFor();
  await page.getByRole('searchbox').fill('ICE-0');
  await page.getByText(/found so far/).waitFor();
  await userBox(page, 'device-0000').focus();
  await until('the end of what is found', async () => {
    await page.keyboard.press('End');
    return (await page.getByText('900 users').count()) === 1;
  });
  await page.keyboard.press('End');
  await userBox(page, 'device-0899').waitFor();
});

test('a search among very many users pauses, and continues on request', async () => {
  const { page } = ui;
  ui.api.users = fleet(10);
  await logIn(page);
  await userBox(page, 'device-0000').waitFor();
  let rounds = 0;
  ui.api.answer('GET /users', ({ url }) => {
    const cursor = url.searchParams.get('cursor');
    if (cursor === null) rounds += 1;
    const at = Number(cursor?.slice('at-'.length) ?? 0);
    const users = at < 7 ? [] : [{ phone_number: 'the-needle', online: true }];
    return done({ users, cursor: at < 7 ? `at-${at + 1}` : null, total: null });
  });
  await page.getByRole('searchbox').fill('needle');
  await page.getByText('Nobody found yet among the first users.').waitFor();
  await page.getByRole('button', { name: 'Continue searching' }).click();
  await userBox(page, 'the-needle').waitFor();
  // The rounds begin with users among whom there is nobody to be found.
  const before = rounds;
  await until('two rounds', async () => {
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    return rounds >= before + 2;
  });
  await page.waitForLoadState('networkidle');
  expect(await userBox(page, 'the-needle').isVisible()).toBe(true);
});

test('all found users are those of one search, whatever is typed meanwhile', async () => {
  const { page } = ui;
  const reading = Promise.withResolvers<void>();
  ui.api.answer('GET /users', async ({ url }) => {
    const isFirst = url.searchParams.get('limit') === '500' && !url.searchParams.has('cursor');
    if (isFirst) await reading.promise;
    return done({ users: fleet(50), cursor: isFirst ? 'next' : null, total: 700 });
  });
  await logIn(page);
  await page.getByText('700 users').waitFor();
  await page.getByLabel('All found').click();
  await page.getByRole('searchbox').fill('other');
  reading.resolve();
  const second = () => asked().find((query) => query.get('cursor') === 'next');
  await until('the second page came', () => second() !== undefined);
  expect(second()?.has('contains')).toBe(false);
});

test('all found users are selected at once, up to the bound of a message', async () => {
  const { page } = ui;
  ui.api.users = fleet(700);
  await logIn(page);
  await page.getByText('700 users').waitFor();
  await page.getByLabel('All found').click();
  await page.getByRole('button', { name: 'Send to 700 clients' }).waitFor();
  ui.api.users = fleet(1_001);
  await page.getByText('1,001 users').waitFor();
  expect(await page.getByLabel('All found').isDisabled()).toBe(true);
});

test('online only', async () => {
  const { page } = ui;
  ui.api.users = [
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
  await logIn(ui.page);
  await ui.page.getByText('There are no users yet.').waitFor();
});

test('while the API is away the page says so, backs off, and recovers by itself', async () => {
  const { page } = ui;
  ui.api.users = [{ phone_number: 'pump-1', online: true }];
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  ui.api.answer('GET /users', () => refused(503, 'away', { 'retry-after': '1' }));
  await page.getByText(/not available at the moment\. What is shown is from/).waitFor();
  await page.getByText('No contact').waitFor();
  expect(await userBox(page, 'pump-1').isVisible()).toBe(true);
  ui.api.answer('GET /users', undefined);
  await page.getByText('In contact', { exact: true }).waitFor();
  await page.getByText('not available at the moment').waitFor({ state: 'detached' });
});

test("a response that is not the API's JSON, such as a captive portal's, counts as a failure", async () => {
  const { page } = ui;
  await logIn(page);
  await page.getByText('In contact', { exact: true }).waitFor();
  ui.api.answer('GET /users', () => ({ status: 200, body: { welcome: 'to the hotel' } }));
  await page.getByText('The API cannot be reached.').waitFor();
});

test('a hidden page makes no request, and refreshes at once when it is visible again', async () => {
  const { page } = ui;
  await logIn(page);
  // A page that is loaded anew before the answer has come is not logged in.
  await page.getByText('In contact', { exact: true }).waitFor();
  await page.clock.install();
  await page.reload();
  await page.getByText('In contact', { exact: true }).waitFor();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));

  await page.clock.fastForward(60_000);
  await until('a round of a page that is seen', () => asked.length >= 2);
  await page.waitForLoadState('networkidle');
  // Headless Chromium has no window to cover: the page gets the event that the browser would send.
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
  const { page } = ui;
  ui.api.users = ids.map((phone_number) => ({ phone_number, online: true }));
  await logIn(page);
  await until('all are shown', async () => (await page.locator('.user').count()) === ids.length);
  expect(await page.locator('.user bdi').allTextContents()).toEqual(ids);
  expect(await page.title()).toBe('Send · fronttcp console');
  await page.getByLabel('All found').check();
  await page.locator('#content').fill('<b onclick=x>bold</b>');
  await page.locator('#content').press('Control+Enter');
  await page.locator('.log').getByText('Sent to 10 online').waitFor();
  expect(await page.locator('.send-content').textContent()).toBe('<b onclick=x>bold</b>');
  expect(ui.api.requestsOf('POST /send-command')[0]?.body).toMatchObject({ chat_to: ids });
  expect(await page.locator('img, b[onclick], #app script').count()).toBe(0);
});

test('an id that turns the direction of text round does not reorder the sentence that names it', async () => {
  const { page } = ui;
  const id = '\u202Eevil';
  ui.api.users = [
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
