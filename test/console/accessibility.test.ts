import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { logIn, openConsole, sharedBrowser, userBox } from './support/browser.ts';
import type { ScriptedApi } from './support/scripted-api.ts';
import { judgePhone, judgeSending, startApiOfThree } from './support/sending.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startApiOfThree();
});
afterAll(async () => {
  await api.stop();
});

// Together both languages and both colour schemes. The others are in test/console/appearances.long.test.ts.
test('axe finds nothing while one logs in and sends: English, dark', () =>
  judgeSending(browser, api, { locale: 'en-US', colorScheme: 'dark' }));

test('a phone of 360 px has no sideways scrolling: Chinese, light', () =>
  judgePhone(browser, api, { locale: 'zh-CN', colorScheme: 'light' }));

test('language and theme can be chosen, at once and for the next time', async () => {
  const { page, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const light = await ground();
  await page.getByLabel('Theme').selectOption('Dark');
  const dark = await ground();
  expect(dark).not.toBe(light);
  await page.getByLabel('Language').selectOption('中文');
  await page.getByRole('heading', { name: '操作员登录' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
  expect(await page.title()).toBe('fronttcp 控制台');
  await page.reload();
  await page.getByRole('heading', { name: '操作员登录' }).waitFor();
  expect(await ground()).toBe(dark);
});

test('the API is asked in the language of the page', async () => {
  const { page, close } = await openConsole(browser, api.url, { locale: 'zh-CN' });
  onTestFinished(close);
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  expect(api.requests.at(-1)?.headers['accept-language']).toBe('zh');
});

test('reduced motion is respected', async () => {
  const { page, close } = await openConsole(browser, api.url, { reducedMotion: 'reduce' });
  onTestFinished(close);
  const moving = `[...document.querySelectorAll('*')].filter((one) => {
    const { transitionDuration, animationName } = getComputedStyle(one);
    return transitionDuration !== '0s' || animationName !== 'none';
  }).length`;
  expect(await page.evaluate(moving)).toBe(0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await page.evaluate(moving)).toBeGreaterThan(0);
});
