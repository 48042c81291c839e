import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { logInAt, sharedBrowser } from './support/browser.ts';
import { appearances, judgeEveryView, startFullApi } from './support/every-view.ts';
import { OPERATOR, type ScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startFullApi();
});
afterAll(() => api.stop());

test.each(appearances)('axe finds nothing in any view, and nothing is too wide: $name', ({ options }) =>
  judgeEveryView(browser, api, options),
);

test('all views are reached and used by keyboard alone', async () => {
  const { page, close } = await logInAt(browser, api, '#/send');
  onTestFinished(close);
  const keys = page.keyboard;
  const focused = () =>
    page.evaluate<string>(
      '(document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim()',
    );
  const tabTo = async (name: string) => {
    for (let i = 0; i < 40 && !(await focused()).startsWith(name); i += 1) await keys.press('Tab');
    expect(await focused()).toContain(name);
  };
  await tabTo('Users');
  await keys.press('Enter');
  // The heading has the focus: a screen reader says where one has come to, and the next Tab is in the view.
  await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('H1');
  expect(await focused()).toBe('Users');
  await tabTo(OPERATOR);
  await keys.press('End');
  expect(await focused()).toContain('pump-1');
  await keys.press('Enter');
  await expect.poll(focused).toBe('pump-1');
  await tabTo('Revoke token');
  await keys.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keys.press('Escape');
  expect(await focused()).toBe('Revoke token');

  await page.getByText('Skip to the content').focus();
  await keys.press('Enter');
  expect(await focused()).toBe('Users');
  expect(await page.evaluate('location.hash')).toBe('#/users/pump-1');
});
