import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openConsole, sharedBrowser, userBox } from './support/browser.ts';
import { OPERATOR, PASSWORD, type ScriptedApi, startScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startScriptedApi();
  api.users = Array.from({ length: 20 }, (_, i) => ({ phone_number: `pump-${i + 10}`, online: true }));
});
afterAll(async () => {
  await api.stop();
});

test('from the login to a sent message and out again by keyboard alone', async () => {
  const { page, problems, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  const keys = page.keyboard;
  // The first field has the focus at once.
  await keys.type(OPERATOR);
  await keys.press('Tab');
  await keys.type(PASSWORD);
  await keys.press('Enter');
  await userBox(page, 'pump-10').waitFor();

  await tabTo(page, 'Chosen users');
  await tabTo(page, 'Search in the ID');
  await tabTo(page, 'Online only');
  await tabTo(page, 'All found');
  await tabTo(page, 'pump-10');
  await keys.press('Space');
  await keys.press('ArrowDown');
  await keys.press('ArrowDown');
  await keys.press('Space');
  await keys.press('End');
  expect(await focused(page)).toContain('pump-29');
  await keys.press('ArrowDown');
  expect(await focused(page)).toContain('pump-29');
  await keys.press('Home');
  await keys.press('ArrowUp');
  expect(await focused(page)).toContain('pump-10');
  await keys.press('PageDown');
  expect(await focused(page)).toContain('pump-20');

  // The list is one stop, however long it is; it is entered again where it was left.
  await keys.press('Tab');
  expect(await focused(page)).not.toContain('pump-21');
  await keys.press('Shift+Tab');
  expect(await focused(page)).toContain('pump-20');

  await tabTo(page, 'Text');
  await keys.type('by hand');
  await keys.press('Enter');
  await keys.type('two lines');
  await keys.press('Control+Enter');
  await page.locator('.log').getByText('Sent to 2 online').waitFor();
  expect(api.requestsOf('POST /send-command').at(-1)?.body).toMatchObject({
    chat_to: ['pump-10', 'pump-12'],
    content: 'by hand\ntwo lines',
  });
  expect(await focused(page)).toBe('Text');
  await keys.type('again');
  await keys.press('Meta+Enter');
  await page.locator('.send').nth(1).waitFor();

  await tabTo(page, 'Log out', 'Shift+Tab');
  await keys.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keys.press('Escape');
  expect(await focused(page)).toBe('Log out');
  await keys.press('Enter');
  await keys.press('Tab');
  await keys.press('Enter');
  await page.getByText('You are logged out.').waitFor();
  expect(await focused(page)).toBe('User ID');
  expect(problems).toEqual([]);
});

test('the skip link comes first and leads to the message', async () => {
  const { page, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  await page.keyboard.type(OPERATOR);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await userBox(page, 'pump-10').waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the message');
  expect((await page.getByText('Skip to the message').boundingBox())?.y).toBeGreaterThan(0);
  await page.keyboard.press('Enter');
  await page.keyboard.type('hello');
  expect(await page.locator('#content').inputValue()).toBe('hello');
});

test('the focus is always visible', async () => {
  const { page, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  await page.keyboard.type(OPERATOR);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await userBox(page, 'pump-10').waitFor();
  const stops = new Set<string>();
  for (let i = 0; i < 30; i += 1) {
    await page.keyboard.press('Tab');
    const name = await focused(page);
    if (name === '') continue;
    stops.add(name);
    expect(await hasVisibleFocus(page), name).toBe(true);
  }
  expect(stops.size).toBeGreaterThan(10);
});

/** The outline is on the element, or on what stands for it: the segment of a radio button, the row of a checkbox. */
function hasVisibleFocus(page: Page): Promise<boolean> {
  return page.evaluate(`(() => {
    const element = document.activeElement;
    return [element, element.nextElementSibling, element.closest('label')]
      .some((one) => one && getComputedStyle(one).outlineStyle === 'solid' && getComputedStyle(one).outlineWidth !== '0px');
  })()`);
}

/** The name of what has the focus, as far as the page gives it; empty for the document itself. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const element = document.activeElement;
    if (element === document.body || element === document.documentElement) return '';
    const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
    return label.trim();
  })()`);
}

async function tabTo(page: Page, name: string, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let i = 0; i < 40; i += 1) {
    if ((await focused(page)).startsWith(name)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${name} is not reached by ${key}; the focus is on ${await focused(page)}`);
}
